"""The ratio of two contrasts of means: the share of a gap that a step closes.

    ratio = Σ aᵢ mean(group i) / Σ bᵢ mean(group i)

Fieller, "Some problems in interval estimation", 1954, in the general form of Zerbe, "On Fieller's theorem and the
general linear model", 1978: the ratio is compared with θ by the contrast with weights aᵢ - θ bᵢ, which is 0 where θ is
the truth, and the interval is every θ that its t-test does not exclude. Paired by seed the test is exact for normal
values. It is Welch's where seeds are not paired, whose careful case is the usual one: runs of one seed that correlate.

A share means something only of a gap that is there. So both one-sided p-values are at least that of the gap, the
denominator, lying above 0; until the gap is shown at the interval's level, the interval has no bounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy

from analysis.statistics._base import Array, Effect, Groups, Region, checked_groups, checked_level
from analysis.statistics.means import MeanEffect, contrast

DOUBLINGS = 40
"""How often the distance from the estimate is doubled at most in search of an interval's end."""


@dataclass(frozen=True)
class Ratio(Effect):
    """A ratio with the groups (n,) and weights that it comes from."""

    gap: MeanEffect | None
    """The denominator; None where its values have no spread."""
    groups: tuple[Array, ...] = field(repr=False, compare=False)
    numerator: tuple[float, ...]
    denominator: tuple[float, ...]
    paired: bool
    known: dict[float, MeanEffect | None] = field(default_factory=dict, repr=False, compare=False)
    """The contrasts that were computed before."""

    def tails(self, at: float) -> tuple[float, float]:
        difference = self._less(at)
        if self.gap is None or difference is None:  # no spread to judge by
            return 1.0, 1.0
        below, above = difference.tails(0.0)
        shown = self.gap.tails(0.0)[1]
        return max(below, shown), max(above, shown)

    def power(self, at: float, n: int) -> float:
        difference = self._less(at)
        if self.gap is None or difference is None:
            return 0.0
        return min(replace(part, level=self.level).power(0.0, n) for part in (self.gap, difference))

    def detectable(self, region: Region, n: int, power: float) -> Region | None:
        """In units of the gap as it was observed, which n seeds must show as well. Edges share what may be missed."""
        if self.gap is None or replace(self.gap, level=self.level).power(0.0, n) < power:
            return None
        power = 1 - (1 - power) / len(region.edges)
        ends = [self._beyond(region.low, 1, n, power), self._beyond(region.high, -1, n, power)]
        return Region(*ends) if ends[0] < ends[1] else None

    def _beyond(self, at: float, side: int, n: int, power: float) -> float:
        """The ratio on this side of an edge at which n seeds exclude the edge with this power."""
        difference = self._less(at) if math.isfinite(at) else None
        if self.gap is None or difference is None:
            return at
        above = Region(0.0, math.inf)
        shown = replace(difference, level=self.level).detectable(above, n, power)
        return at + side * (shown.low if shown else math.inf) / self.gap.estimate

    def _less(self, at: float) -> MeanEffect | None:
        """The numerator less `at` times the denominator."""
        if at not in self.known:
            weights = [a - at * b for a, b in zip(self.numerator, self.denominator, strict=True)]
            self.known[at] = contrast(self.groups, weights, paired=self.paired)
        return self.known[at]


def ratio(
    groups: Groups,
    numerator: Sequence[float],
    denominator: Sequence[float],
    *,
    paired: bool,
    level: float = 0.95,
) -> Ratio:
    """The ratio of two contrasts of the groups' means, with Fieller's interval.

    Where `paired`, position i of every group is the same seed.

    Raises:
        ValueError: the denominator's estimate is not above 0; see `contrast`.
    """
    checked_level(level)
    arrays = checked_groups(groups)
    means = [array.mean() for array in arrays]
    above, below = (float(np.dot(weights, means)) for weights in (numerator, denominator))
    if not below > 0:
        raise ValueError(f"a gap of {below:g}: no share of it can be closed")
    found = Ratio(
        estimate=above / below,
        low=-math.inf,
        high=math.inf,
        level=level,
        n=tuple(len(array) for array in arrays),
        method=f"Fieller's interval, {'paired' if paired else 'Welch'} t",
        p=1.0,
        gap=contrast(arrays, denominator, paired=paired),
        groups=tuple(arrays),
        numerator=tuple(numerator),
        denominator=tuple(denominator),
        paired=paired,
    )
    p = min(1.0, 2 * min(found.tails(0.0)))
    return replace(found, low=_end(found, -1), high=_end(found, 1), p=p)


def _end(found: Ratio, sign: int) -> float:
    """The end of the interval below the estimate (-1) or above it (1); infinite where the data set none."""

    def excess(at: float) -> float:
        return found.tails(at)[0 if sign > 0 else 1] - (1 - found.level) / 2

    difference = found._less(found.estimate)
    if found.gap is None or difference is None:
        return sign * math.inf
    # Far away the contrast is that of the gap alone.
    step = difference.standard_error / found.gap.estimate
    inner = found.estimate
    if excess(found.estimate + sign * 2.0**DOUBLINGS * step) > 0:
        return sign * math.inf
    while excess(outer := found.estimate + sign * step) > 0:
        inner, step = outer, 2 * step
    return float(scipy.optimize.brentq(excess, inner, outer, xtol=1e-9))
