"""Rank statistics with exact intervals: they use only the order of the values, so that a diverged run can be +inf.

Each is a list of comparisons, one for each pair of values, and the exact distribution of how many of them are
positive where there is no effect. The estimate of Hodges & Lehmann, "Estimates of location based on rank tests",
1963, is the median comparison; inverting the test gives an interval between two of them in order of size:

    shift of two groups     aᵢ - bⱼ               Mann & Whitney 1947; strata are added up (van Elteren 1960)

Ties count against every conclusion, which keeps the error rates. Two diverged runs tie whatever the shift: their
comparison is left out of the list and stays in the law, so that two groups that diverged never count as the same.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt
import scipy

from analysis.statistics._base import Array, Effect, Region, checked_groups, checked_level

TIE = 1e-9
"""A difference from a margin, as a share of it, that is a rounding error of the values."""


@dataclass(frozen=True)
class RankEffect(Effect):
    """A median comparison, with all that do not tie at infinity in order of size, and the law (m + 1,) of how many of
    all m are positive. Both are left out where effects are tested for equality."""

    comparisons: Array = field(repr=False, compare=False)
    null: Array = field(repr=False, compare=False)

    def tails(self, at: float) -> tuple[float, float]:
        return _tails(self.comparisons, self.null, at)

    def power(self, at: float, n: int) -> float:
        """By the normal approximation of Noether 1987, and 0 where no order of n seeds is rare enough."""
        growth, tail = n / min(self.n), (1 - self.level) / 2
        if self.least_p(at, n) > 2 * tail:
            return 0.0
        # The share of all comparisons above `at`, those that tie counting half.
        below, above = _sides(self.comparisons, at)
        share = 0.5 + (above - below) / (2 * (len(self.null) - 1))
        positives = np.linspace(0, 1, len(self.null))
        spread = math.sqrt(float(self.null @ (positives - 0.5) ** 2) / growth)
        excess = abs(share - 0.5) - float(scipy.stats.norm.isf(tail)) * spread
        alternative = 2 * math.sqrt(share * (1 - share)) * spread
        return float(scipy.stats.norm.cdf(excess / alternative)) if alternative else float(excess >= 0)

    def detectable(self, region: Region, n: int, power: float) -> Region | None:  # noqa: ARG002
        """NaN: how far apart two groups rank is not in the units of their values."""
        return Region(math.nan, math.nan)

    def least_p(self, at: float, n: int) -> float:  # noqa: ARG002 - the same for every value
        strata = len(self.n) // 2
        return 2 / float(math.comb(2 * n, n) ** strata)


def shift(strata: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], *, level: float = 0.95) -> RankEffect:
    """By how much a is above b, both (n,), the same in every stratum (a, b). Unpaired.

    Exact where the two differ by a shift alone; else it says which ranks higher. With one stratum the p-value is
    that of the Mann-Whitney test.

    Raises:
        ValueError: see `checked_groups`.
    """
    groups = checked_groups([group for pair in strata for group in pair])
    pairs = list(zip(groups[::2], groups[1::2], strict=True))
    comparisons = np.concatenate([_minus(a[:, None], b[None, :]).ravel() for a, b in pairs])
    null = reduce(np.convolve, [mann_whitney_null(len(a), len(b)) for a, b in pairs])
    method = "Mann-Whitney shift" + (f" in {len(pairs)} strata" if len(pairs) > 1 else "")
    return _effect(comparisons, null, level, [len(group) for group in groups], method)


@lru_cache(maxsize=64)
def mann_whitney_null(n: int, m: int) -> Array:
    """The law (n m + 1,) of how many of n x m pairs have the first larger, in two groups from one distribution.

    Its generating function is the Gaussian binomial Π (1 - q^(m + i)) / (1 - q^i), i = 1..n, kept in whole numbers.
    """
    counts = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for k in range(n * m, m + i - 1, -1):
            counts[k] -= counts[k - m - i]
        for k in range(i, n * m + 1):
            counts[k] += counts[k - i]
    total = math.comb(n + m, n)
    return np.array([count / total for count in counts])


def _minus(a: Array, b: Array) -> Array:
    """a - b, NaN where both are infinite alike."""
    with np.errstate(invalid="ignore"):
        return a - b


def _effect(comparisons: Array, null: Array, level: float, n: Iterable[int], method: str) -> RankEffect:
    checked_level(level)
    ordered = np.sort(comparisons[~np.isnan(comparisons)])
    tied = len(comparisons) - len(ordered)
    # This many of the smallest and of the largest comparisons are outside: fewer positives would be too rare by chance.
    outside = int((np.cumsum(null) <= (1 - level) / 2 + 1e-12).sum()) - tied
    below, above = _tails(ordered, null, 0.0)
    return RankEffect(
        estimate=_middle(ordered),
        low=float(ordered[outside - 1]) if outside > 0 else -math.inf,
        high=float(ordered[-outside]) if outside > 0 else math.inf,
        level=level,
        n=tuple(n),
        method=method,
        p=min(1.0, 2 * min(below, above)),
        comparisons=ordered,
        null=null,
    )


def _tails(comparisons: Array, null: Array, at: float) -> tuple[float, float]:
    """P(as many comparisons below `at`) and P(as many above), were `at` the truth; the law is symmetric."""
    below, above = _sides(comparisons, at)
    return float(null[below:].sum()), float(null[above:].sum())


def _sides(comparisons: Array, at: float) -> tuple[int, int]:
    """How many comparisons are below `at`, and how many above: 0.7 - 0.9 = -0.20000000000000007 ties with -0.2."""
    error = TIE * abs(at)
    return int((comparisons < at - error).sum()), int((comparisons > at + error).sum())


def _middle(ordered: Array) -> float:
    """The median; 0 where as many comparisons are +inf as -inf, NaN where there is none."""
    if len(ordered) == 0:
        return math.nan
    lower, upper = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return 0.0 if lower == -upper else (lower + upper) / 2
