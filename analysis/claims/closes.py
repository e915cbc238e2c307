"""The share of the gap between a run that fails and a run that works that a step closes.

    share = log(base / run) / log(start / goal)

of the geometric means over the seeds that all of them have, since a Fréchet distance spreads by factors; of a measure
that is a share itself, (run - base) / (goal - start) of the means. `run` is one step away from `base`, which is `start`
itself unless another run is named. The interval is Fieller's (`analysis/statistics/ratios.py`).
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, model_validator

from ablations.spec import Names
from analysis.claims._base import KINDS, CannotCompare, Evidence, Group, Kind, RunField
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.claims.values import common_seeds, values_of
from analysis.statistics import Region, is_paired
from analysis.statistics.ratios import Ratio, ratio
from analysis.wording import name_seeds, percent
from fakeface.evaluation.measures import QUALITY
from fakeface.measures import Better, Scale

SUPPOSED_END = 0.5
"""Where one end of a gap is, as a share of the other, before both have a seed."""
_SHARE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*%")


def _checked_share(written: str) -> str:
    if not _SHARE.fullmatch(written):
        raise ValueError(f"must be a share such as 50% or -25% (got {written!r})")
    return written


ShareField = Annotated[str, AfterValidator(_checked_share)]


@KINDS.register("closes")
class Closes(Kind):
    """The share that a run closes of the gap between a run that fails and a run that works."""

    run: RunField
    """The run that the statement is about."""
    start: RunField
    """The run that fails: it closes 0%."""
    goal: RunField
    """The run that works: it closes 100%."""
    base: RunField | None = None
    """The run that `run` is one step away from, if not `start`: what that run had closed does not count."""
    metric: MetricField = QUALITY
    """As in `compare`; one side of it must be the better one."""
    at_least: ShareField | None = None
    """It closes more than this share, such as 50%."""
    at_most: ShareField | None = None
    """It closes less than this share; less than -25%: it makes the gap larger by a quarter."""
    within: ShareField | None = None
    """It matters less than this: the share is between this and its opposite."""

    in_units: ClassVar[str] = "claim a difference in units of {} (`compare`)"

    @model_validator(mode="after")
    def _one_share(self) -> "Closes":
        if sum(one is not None for one in (self.at_least, self.at_most, self.within)) != 1:
            raise ValueError("give one of `at_least`, `at_most` and `within`: a share of the gap such as 50%")
        if self.within is not None and _share(self.within) <= 0:
            raise ValueError(f"`within` must be > 0 (got {self.within})")
        return self

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        if self.start == self.goal:
            yield "goal", f"the run {str(self.goal)!r} is named twice: there is no gap"
        for key in ("start", "goal", "base"):
            if getattr(self, key) == self.run:
                yield key, f"the run {str(self.run)!r} is named twice"
        if self.compared.better is Better.NEITHER:
            yield "metric", f"{self.compared} has no better side, so that no gap can be closed"

    @property
    def subjects(self) -> tuple[str, ...]:
        """Only `run`: a report on the ends of a gap is not about every step between them."""
        return (self.run,)

    @property
    def origin(self) -> str:
        """The run that `run` is one step away from."""
        return self.base or self.start

    @property
    def compared(self) -> Metric:
        return parse_metric(self.metric)

    @property
    def by_ratio(self) -> bool:
        return self.compared.scale is not Scale.LINEAR

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        """The values of the seeds that all runs have; the others are missing."""
        return common_seeds(values_of(evidence.frames, self.named_runs, self.compared))

    def point(self, groups: Sequence[Group]) -> float:
        for group in groups:
            if lost := [seed for seed, value in sorted(group.values.items()) if not math.isfinite(value)]:
                raise CannotCompare(
                    f"`{group.name}` diverged with {name_seeds(lost)}, and a share of a gap needs the mean of every "
                    "run: claim its outcome instead"
                )
        means = [float(np.mean(values)) for values in self.scaled(groups)]
        closed, gap = (float(np.dot(weights, means)) for weights in self._weights(groups))
        if not gap > 0:
            raise CannotCompare(
                f"{self.compared.words} of `{self.start}` is no worse than that of `{self.goal}`: there is no gap "
                "to close"
            )
        return closed / gap

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Ratio]:
        self.point(groups)  # raises where there is no gap
        paired = is_paired(*(group.values for group in groups))
        return [ratio(self.scaled(groups), *self._weights(groups), paired=paired, level=level)]

    def supposed(self, known: Mapping[str, float]) -> tuple[Sequence[float], str]:
        ends, words = (
            (1.0, SUPPOSED_END),
            f"it closes nothing of a gap of {percent(1 - SUPPOSED_END)}",
        )
        if self.compared.better is Better.HIGHER:
            ends = ends[::-1]
        if self.start in known and self.goal in known:
            ends, words = (known[self.start], known[self.goal]), "it closes nothing"
        values = {self.start: ends[0], self.goal: ends[1]}
        values[self.origin] = values.get(self.origin, known.get(self.origin, ends[0]))
        return [values.get(name, values[self.origin]) for name in self.named_runs], words

    def _weights(self, groups: Sequence[Group]) -> tuple[list[float], list[float]]:
        """The contrasts above and below the fraction, so that what is better is lower."""
        sign = 1.0 if self.compared.better is Better.LOWER else -1.0
        names = [group.name for group in groups]
        above, below = (
            [sign * ((name == plus) - (name == minus)) for name in names]
            for plus, minus in ((self.origin, self.run), (self.start, self.goal))
        )
        return above, below

    @property
    def region(self) -> Region:
        if self.at_least is not None:
            return Region(_share(self.at_least), math.inf)
        if self.at_most is not None:
            return Region(-math.inf, _share(self.at_most))
        size = _share(self.within or "0%")
        return Region(-size, size)

    @property
    def why_unbounded(self) -> str:
        return f"these seeds do not show that there is a gap between `{self.start}` and `{self.goal}`"

    @property
    def effect_name(self) -> str:
        base = f", from `{self.base}`" if self.base else ""
        return f"the share of the gap that it closes{base}"

    def amount(self, value: float) -> str:
        return f"{round(100 * value):,}%".replace("-", "−")

    def edge(self, value: float) -> str:
        return f"{100 * value:,.10g}%".replace("-", "−")

    def tick(self, value: float) -> str:
        return self.amount(value)


def _share(written: str) -> float:
    return float(written.rstrip("% ")) / 100
