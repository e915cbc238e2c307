"""Claims that a metric differs by more, or by less, than a margin: what comparisons, effects and trends share."""

import math
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, model_validator

from ablations.spec.names import Number
from analysis.claims._base import CannotCompare, Evidence, Group, Kind, Margin
from analysis.claims.metrics import Metric
from analysis.claims.values import values_of
from analysis.statistics import Region
from analysis.wording import number, signed

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
_UPWARD = ("higher", "not-higher", "rising")
_STRICT = (*_EQUAL, "not-lower", "not-higher")
"""Directions whose margin cannot be 0: nothing can show two things to be exactly equal."""


Difference = Literal["lower", "higher", "same", "not-lower", "not-higher"]
"""Directions of a difference; `not-lower` and `not-higher`: at most by the margin."""


class Directed(Kind):
    """A claim with a direction and a margin, the smallest difference that matters: a number in the units of what is
    compared, or a share of it such as 5%, which compares logarithms, so that the estimate is a ratio of geometric
    means."""

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
        margin, strict = self.margin, self.direction in _STRICT
        if margin.size < 0 or (strict and margin.size == 0):
            raise ValueError(f"`{key}` must be {'> 0' if strict else '>= 0'} (got {written})")
        if margin.relative and margin.size >= 1 and self.direction not in _UPWARD:
            raise ValueError(f"`{key}`: nothing is lower by 100% or more (got {written})")
        return self

    @property
    def margin(self) -> Margin:
        written = self.within if self.direction in _EQUAL else self.by
        if isinstance(written, str):
            return Margin(float(written.rstrip("% ")) / 100, relative=True)
        return Margin(float(written or 0), relative=False)

    @property
    @abstractmethod
    def compared(self) -> Metric: ...

    @abstractmethod
    def weights(self, groups: int) -> Sequence[float]:
        """The contrast of the groups' means that the claim is about."""

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        return values_of(evidence.frames, self.named_runs, self.compared)

    def scaled(self, groups: Sequence[Group]) -> list[list[float]]:
        """The values by seed on the scale of comparison. Raises CannotCompare."""
        if not self.margin.relative:
            return [group.by_seed for group in groups]
        for group in groups:
            if min(group.by_seed) <= 0:
                raise CannotCompare(
                    f"`{group.name}` has a value of {min(group.by_seed):g}, of which no share can be taken: give the "
                    f"margin in the units of {self.compared}"
                )
        return [[math.log(value) for value in group.by_seed] for group in groups]

    def point(self, groups: Sequence[Group]) -> float | None:
        means = [float(np.mean(values)) for values in self.scaled(groups)]
        return (
            self.shown(float(np.dot(self.weights(len(groups)), means))) if np.isfinite(means).all() else None
        )

    @property
    def region(self) -> Region:
        size = self.margin.size
        below, above = (math.log1p(-size), math.log1p(size)) if self.margin.relative else (-size, size)
        low, high = (below if side == -1 else above if side == 1 else side for side in _SIDES[self.direction])
        return Region(low, high)

    def shown(self, value: float) -> float:
        """Of a relative margin, the share that a difference of logarithms is; what has no bound has none there."""
        return math.expm1(value) if self.margin.relative and math.isfinite(value) else value

    def amount(self, value: float) -> str:
        if not self.margin.relative:
            return signed(number(value) if value else "0")
        # Two significant digits, so that a difference and the margin beside it do not round to the same.
        percent = f"{100 * value:,.1f}".removesuffix(".0") if abs(value) < 0.1 else f"{100 * value:,.0f}"
        return f"{signed(percent)}%"

    def tick(self, value: float) -> str | None:
        if not self.margin.relative:
            return None
        digits = "+,.0f" if abs(value) >= 1 else "+.3g"  # no powers of ten: "+2,000%", not "+2e+03%"
        return f"{100 * value:{digits}}%".replace("-", "−") if abs(value) > 1e-9 else "0%"
