"""Claims that a metric differs by more, or by less, than a margin: what comparisons, effects and trends share."""

import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, model_validator

from ablations.spec import Names
from ablations.spec.names import Number
from analysis.claims._base import CannotCompare, Evidence, Group, Kind, LastLook, Margin, Objection
from analysis.claims.metrics import Metric
from analysis.claims.values import values_of
from analysis.statistics import Region, excess_p, excluded_excess
from analysis.statistics.verdicts import ROUNDING
from analysis.wording import signed
from fakeface.measures import Better, Scale

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def _checked_margin(written: float | str) -> float | str:
    if isinstance(written, str) and not _SHARE.fullmatch(written):
        raise ValueError(f"must be a number or a share such as 5% (got {written!r})")
    return written


MarginField = Annotated[Number | str, AfterValidator(_checked_margin)]
"""A margin: a number in the units of what is compared, or a share of it such as 5%."""

_SIDES = {
    "lower": (-math.inf, -1), "higher": (1, math.inf), "same": (-1, 1), "not-lower": (-1, math.inf),
    "not-higher": (-math.inf, 1), "falling": (-math.inf, -1), "rising": (1, math.inf), "flat": (-1, 1),
}  # fmt: skip
"""Where each direction says that the truth is, in margins."""
_EQUAL = ("same", "flat")
_DOWNWARD = ("lower", "falling")
_TOLERANT = (*_EQUAL, "not-lower", "not-higher")
"""Directions whose margin is a tolerance. It cannot be 0, since nothing can show two things to be exactly equal, and a
share x of it is the factor 1 + x either way: the verdict is the same where the runs change places."""
LOST = 0.2
"""A difference of the shares of trainings that rank last, below which runs count as alike."""


Difference = Literal["lower", "higher", "same", "not-lower", "not-higher"]
"""Directions of a difference; `not-lower` and `not-higher`: at most by the margin."""


class Directed(Kind):
    """A claim with a direction and a margin, the smallest difference that matters: a number in the units of what is
    compared, or a share of it such as 5%, which compares logarithms, so that the estimate is a ratio of geometric
    means. What spreads by factors, such as a Fréchet distance, takes a share, or 0."""

    direction: str
    """What is said of the difference; a kind lists its own."""
    by: MarginField | None = None
    """The margin, of every direction but `same` and `flat`."""
    within: MarginField | None = None
    """The margin of `same` and `flat`."""

    @model_validator(mode="after")
    def _has_its_margin(self) -> "Directed":
        key, other = ("within", "by") if self.direction in _EQUAL else ("by", "within")
        written = getattr(self, key)
        if getattr(self, other) is not None:
            raise ValueError(f"`{self.direction}` takes its margin as `{key}`, not as `{other}`")
        if written is None:
            raise ValueError(f"lacks `{key}`: the smallest difference that matters, such as 5% or 0.05")
        margin, strict = self.margin, self.direction in _TOLERANT
        if margin.size < 0 or (strict and margin.size == 0):
            raise ValueError(f"`{key}` must be {'> 0' if strict else '>= 0'} (got {written})")
        if margin.relative and margin.size >= 1 and self.direction in _DOWNWARD:
            raise ValueError(f"`{key}`: nothing is lower by 100% or more (got {written})")
        return self

    @property
    def margin(self) -> Margin:
        written = self.within if self.direction in _EQUAL else self.by
        if isinstance(written, str):
            return Margin(float(written.rstrip("% ")) / 100, relative=True)
        size = float(written or 0)
        return Margin(size, relative=size == 0 and self.compared.scale is Scale.LOG)

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        yield from super().problems(names)
        if self.compared.scale is Scale.LOG and not self.margin.relative:
            yield (
                "within" if self.direction in _EQUAL else "by",
                f"{self.compared} spreads by factors, so that runs are compared by their ratio: "
                f"give a share such as 10% (got {self.margin.size:g})",
            )

    @property
    @abstractmethod
    def compared(self) -> Metric: ...

    @abstractmethod
    def estimated(self, means: Sequence[float]) -> float:
        """The estimate from the groups' finite means on the scale of comparison."""

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        return values_of(evidence.frames, self.named_runs, self.compared)

    def supposed(self, known: Mapping[str, float]) -> tuple[Sequence[float], str]:
        if not known and not self.margin.relative:
            raise CannotCompare(
                f"its margin is in units of {self.compared}, of which no run has a value yet: train a seed first"
            )
        value = float(np.mean(list(known.values()))) if known else 1.0
        self.scaled([Group(self.named_runs[0], {0: value})])  # raises where the margin is not of their scale
        return [value] * len(self.named_runs), "nothing differs"

    @abstractmethod
    def pairs(self, groups: Sequence[Group]) -> Sequence[tuple[Group, Group]]:
        """The groups that it compares, each with the one that it is compared with."""

    def objection(self, groups: Sequence[Group], level: float, last: LastLook | None) -> Objection | None:
        """A tolerance is for values. Which run ranks last more often must be within a limit as well.

        A claim with a bound on its worse side says that the first run of a pair fails hardly more often, and one with
        a bound on the other side says it of the second. The limit is what a run without a failure excludes, and `LOST`
        where that is more, so that any failure has to be outweighed by seeds. Several looks have the limit of the last
        one: with a wider one at the first looks they would support the claim before failures show.
        """
        if self.direction not in _TOLERANT or self.compared.better is Better.NEITHER:
            return None
        worse = (self.region.high, self.region.low)
        first, second = worse if self.compared.better is Better.LOWER else reversed(worse)
        found = []
        for one, other in self.pairs(groups):
            found += [_excess(one, other, level, last)] if math.isfinite(first) else []
            found += [_excess(other, one, level, last)] if math.isfinite(second) else []
        return max((one for one in found if one is not None), key=lambda one: one.p, default=None)

    def point(self, groups: Sequence[Group]) -> float | None:
        means = [float(np.mean(values)) for values in self.scaled(groups)]
        return self.shown(self.estimated(means)) if np.isfinite(means).all() else None

    @property
    def region(self) -> Region:
        size = self.margin.size
        below, above = -size, size
        if self.margin.relative:
            above = math.log1p(size)
            below = math.log1p(-size) if self.direction in _DOWNWARD else -above
        low, high = (below if side == -1 else above if side == 1 else side for side in _SIDES[self.direction])
        return Region(low, high)

    def shown(self, value: float) -> float:
        """Of a relative margin, the share that a difference of logarithms is; what has no bound has none there."""
        if not self.margin.relative or math.isinf(value):
            return value
        with np.errstate(over="ignore"):
            return float(np.expm1(value))

    def amount(self, value: float) -> str:
        if not self.margin.relative:
            return signed(self.compared.written(value) if value else "0")
        # Two significant digits, so that a difference and the margin beside it do not round to the same.
        percent = f"{100 * value:,.1f}".removesuffix(".0") if abs(value) < 0.1 else f"{100 * value:,.0f}"
        return f"{signed(percent)}%"

    def edge(self, value: float) -> str:
        size = self.margin.size
        if not (self.margin.relative and size and math.isclose(abs(value), size, rel_tol=1e-9)):
            return self.written(value)
        return f"{signed(f'{math.copysign(100 * size, value):,.10g}')}%"

    def tick(self, value: float) -> str | None:
        if not self.margin.relative:
            return None
        digits = "+,.0f" if abs(value) >= 1 else "+.3g"  # no powers of ten: "+2,000%", not "+2e+03%"
        return f"{100 * value:{digits}}%".replace("-", "−") if abs(value) > 1e-9 else "0%"


def _excess(one: Group, other: Group, level: float, last: LastLook | None) -> Objection | None:
    """That the first may rank last more often than the second, by more than counts as alike."""
    counts, sizes = (_lost(one), _lost(other)), (len(one.values), len(other.values))
    most = max(LOST, excluded_excess(*(last or (sizes[0], level))))
    p = excess_p(counts, sizes, most)
    if p <= 1 - level + ROUNDING:
        return None
    more = f"the last look is at {last.seeds}" if last else "train more seeds"
    return Objection(
        p,
        f"{counts[0]} of {sizes[0]} seeds of `{one.name}` rank last, against {counts[1]} of {sizes[1]} of "
        f"`{other.name}`, which does not exclude that they are more by {100 * most:.0f} points: claim the outcome, "
        f"or {more}",
    )


def _lost(group: Group) -> int:
    return sum(math.isinf(value) for value in group.values.values())
