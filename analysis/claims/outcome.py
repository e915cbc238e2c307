"""In how many seeds a run ends in a certain way."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from analysis.claims._base import KINDS, Chart, Evidence, Group, Kind, RunField
from analysis.claims.values import outcomes_of
from analysis.statistics import Effect, Region, share, share_difference
from analysis.wording import counted, listed, percent, signed
from fakeface.outcomes import Dynamics, Exit, Samples

MOST_SHARE = 0.5
"""Of all seeds: "in most seeds", where a claim says no more."""
_PARTS = ("exit", "samples", "dynamics")


@KINDS.register("outcome")
class Outcome(Kind):
    """In how many seeds a run ends in a certain way: more than a share of all, or more than another run."""

    chart: ClassVar[Chart] = Chart.OUTCOMES

    run: RunField
    """The run that the statement is about."""
    against: RunField | None = None
    """The run that is said to end so less often."""
    exit: Literal[Exit.FINISHED, Exit.DIVERGED] | None = None
    """How the training ends."""
    samples: Samples | None = Field(None, strict=False)
    """What the samples are at the end."""
    dynamics: Dynamics | None = Field(None, strict=False)
    """The dynamics of the two networks."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """More than this share of all seeds; a half where neither this nor `against` is given."""
    by: Annotated[float, Field(ge=0, lt=1)] | None = None
    """By how much larger the share is than that of `against`."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Outcome":
        if sum(getattr(self, part) is not None for part in _PARTS) != 1:
            raise ValueError("give one of `exit`, `samples` and `dynamics`")
        if self.share is not None and self.against is not None:
            raise ValueError("`share` is for a run by itself; against another run give `by`")
        if self.by is not None and self.against is None:
            raise ValueError("`by` is for `against` another run; for a run by itself give `share`")
        return self

    @property
    def _part(self) -> str:
        return next(part for part in _PARTS if getattr(self, part) is not None)

    @property
    def word(self) -> str:
        """The word in question."""
        return str(getattr(self, self._part))

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        return outcomes_of(evidence.frames, self.named_runs, self._part, self.word)

    def point(self, groups: Sequence[Group]) -> float:
        shares = [sum(group.values.values()) / len(group.values) for group in groups]
        return shares[0] if len(shares) == 1 else shares[0] - shares[1]

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Effect]:
        counts = [int(sum(group.values.values())) for group in groups]
        sizes = [len(group.values) for group in groups]
        if self.against is None:
            return [share(counts[0], sizes[0], level=level)]
        return [share_difference((counts[0], counts[1]), (sizes[0], sizes[1]), level=level)]

    def supposed(self, known: Mapping[str, float]) -> tuple[Sequence[float], str]:  # noqa: ARG002
        if self.against is None:
            return [1.0], "every seed ends so"
        return [1.0, 0.0], f"every seed ends so, none of `{self.against}`"

    @property
    def region(self) -> Region:
        if self.against is None:
            return Region(MOST_SHARE if self.share is None else self.share, math.inf)
        return Region(self.by or 0.0, math.inf)

    def sentence(self, groups: Sequence[Group]) -> str:
        counts = (
            f"{sum(g.values.values()):.0f} of {counted(len(g.values), 'seed')} of `{g.name}`" for g in groups
        )
        ends = "ends" if len(groups) == 1 and len(groups[0].values) == 1 else "end"
        return f"{listed(counts)} {ends} as {self.word}"

    @property
    def effect_name(self) -> str:
        return "the share" if self.against is None else "the difference"

    def amount(self, value: float) -> str:
        return percent(value) if self.against is None else f"{signed(f'{100 * value:.0f}')} points"

    def edge(self, value: float) -> str:
        exact = f"{100 * value:.10g}"
        return f"{exact}%" if self.against is None else f"{signed(exact)} points"

    def tick(self, value: float) -> str:
        return self.amount(value)

    def axis(self, quality: str) -> str:  # noqa: ARG002
        return f"a dot a seed; filled: {self.word}"

    @property
    def bounds(self) -> tuple[float, float]:
        return -1.0, 1.0
