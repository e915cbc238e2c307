"""Statements about outcomes: in how many of n seeds a run ended thus, and whether two runs differ in it.

One group: the exact interval of Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the
case of the binomial", 1934. Two groups: Barnard, "Significance tests for 2x2 tables", 1947, with its interval by
Chan & Zhang, "Test-based exact confidence intervals for the difference of two binomial proportions", 1999: at
every difference δ the tables as extreme as the one seen have the probability

    sup over p of Σ Binomial(x; n, p + δ) Binomial(y; m, p),   extreme by the score (x/n - y/m - δ) / σ(δ)

with σ(δ) from the most likely p under δ (Farrington & Manning 1990). It decides more than Fisher's test: 3 of 3
against 0 of 3 is p = 0.031 in place of 0.1.

SciPy has the test at δ = 0 only, and differs in two ways. Its two-sided p counts the tables that are as extreme on
either side; here it is twice the one-sided p of which a verdict is made: never smaller, and the same in groups of one
size. And `barnard_exact` misses ties: for 9 of 10 against 3 of 10 it leaves out the mirrored table, 7 against 1, whose
score is the same but for rounding, and gives 0.0069. All tables enumerated on 200,001 values of p give 0.0080, as do
this file and `boschloo_exact`. The 201 values of p used here find the supremum to a relative 3e-4 (0.5219 of 0.5221
for 1 against 0 of 10).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from analysis.statistics._base import Array, Effect, Region, checked_level

NUISANCE_POINTS = 201
"""At how many p, from the smallest to the largest that δ leaves, the worst one is looked for."""
DIFFERENCES = np.linspace(-1, 1, 41)
"""Between which δ the ends of an interval are sought, before they are refined."""


@dataclass(frozen=True)
class Share(Effect):
    """A share with `count` of n behind it; p compares it with 1/2: does it happen more often than not?"""

    count: int

    def tails(self, at: float) -> tuple[float, float]:
        _check_value(at, 0)
        below, above = (
            scipy.stats.binomtest(self.count, self.n[0], at, alternative=side).pvalue
            for side in ("less", "greater")
        )
        return float(below), float(above)

    def power(self, at: float, n: int) -> float:
        counts = np.arange(n + 1)
        tails = (
            scipy.stats.binom.cdf(counts, n, at)
            if self.estimate < at
            else scipy.stats.binom.sf(counts - 1, n, at)
        )
        return float(scipy.stats.binom.pmf(counts, n, self.estimate) @ (tails <= (1 - self.level) / 2))

    def detectable(self, region: Region, n: int, power: float) -> Region | None:
        """Of a region above a share."""
        counts = np.arange(n + 1)
        enough = counts[scipy.stats.binom.sf(counts - 1, n, region.low) <= (1 - self.level) / 2]
        if not len(enough):
            return None
        # The share p at which P(count >= least) is the power: the tail of a binomial is an incomplete beta function.
        return Region(float(scipy.special.betaincinv(enough[0], n - enough[0] + 1, power)), region.high)

    def least_p(self, at: float, n: int) -> float:
        return min(1.0, 2 * at**n)


@dataclass(frozen=True)
class ShareDifference(Effect):
    """A difference of shares with the two counts behind it."""

    counts: tuple[int, int]

    def tails(self, at: float) -> tuple[float, float]:
        _check_value(at, -1)
        lower, higher = _table_tails((self.n[0], self.n[1]), at)
        return float(lower[self.counts]), float(higher[self.counts])

    def power(self, at: float, n: int) -> float:
        lower, higher = _table_tails((n, n), at)
        decided = (lower if self.estimate < at else higher) <= (1 - self.level) / 2
        first, second = (
            scipy.stats.binom.pmf(np.arange(n + 1), n, count / size)
            for count, size in zip(self.counts, self.n, strict=True)
        )
        return float(first @ decided @ second)

    def detectable(self, region: Region, n: int, power: float) -> Region | None:
        """Of a region above a difference, if the second group's share is the one observed."""
        decided = _table_tails((n, n), region.low)[1] <= (1 - self.level) / 2
        counts, other = np.arange(n + 1), self.counts[1] / self.n[1]
        second = scipy.stats.binom.pmf(counts, n, other)

        def excess(difference: float) -> float:
            first = scipy.stats.binom.pmf(counts, n, min(1.0, other + difference))
            return float(first @ decided @ second) - power

        most = 1.0 - other
        if most <= region.low or excess(most) < 0:
            return None
        return Region(float(scipy.optimize.brentq(excess, region.low, most, xtol=1e-6)), region.high)

    def least_p(self, at: float, n: int) -> float:
        return min(1.0, 2 * float(_table_tails((n, n), at)[1].min()))


def share(count: int, n: int, *, level: float = 0.95) -> Share:
    """The share of all seeds in which an outcome is expected that `count` of n showed.

    Raises:
        ValueError: fewer than two seeds, or more with the outcome than there are.
    """
    _check(count, n, level)
    found = scipy.stats.binomtest(count, n)
    low, high = found.proportion_ci(level, method="exact")
    return Share(
        count / n, float(low), float(high), level, (n,), "Clopper-Pearson", float(found.pvalue), count
    )


def share_difference(counts: tuple[int, int], n: tuple[int, int], *, level: float = 0.95) -> ShareDifference:
    """By how much the first group's share of an outcome is above the second's, `counts` of n seeds each.

    Raises:
        ValueError: a group of fewer than two seeds, or more with the outcome than there are.
    """
    for count, size in zip(counts, n, strict=True):
        _check(count, size, level)
    tail = (1 - level) / 2

    def excess(at: float, side: int) -> float:
        return float(_table_tails(n, at)[side][counts]) - tail

    # From outside inwards: tails need not fall steadily, and the interval reaches to where they first exceed.
    low_at = next(i for i in range(len(DIFFERENCES)) if excess(DIFFERENCES[i], 1) > 0)
    high_at = next(i for i in reversed(range(len(DIFFERENCES))) if excess(DIFFERENCES[i], 0) > 0)
    low, high = float(DIFFERENCES[low_at]), float(DIFFERENCES[high_at])
    if low_at > 0:
        low = float(scipy.optimize.brentq(excess, DIFFERENCES[low_at - 1], low, args=(1,), xtol=1e-6))
    if high_at < len(DIFFERENCES) - 1:
        high = float(scipy.optimize.brentq(excess, high, DIFFERENCES[high_at + 1], args=(0,), xtol=1e-6))
    lower, higher = _table_tails(n, 0.0)
    p = min(1.0, 2 * float(min(lower[counts], higher[counts])))
    estimate = counts[0] / n[0] - counts[1] / n[1]
    return ShareDifference(estimate, low, high, level, n, "exact score test (Chan & Zhang)", p, counts)


def excluded_excess(n: int, level: float = 0.95) -> float:
    """By how much a group of n seeds without any failure fails more often than another one, at most:

    1 - ((1 - level) / 2)^(1 / n)       0.71, 0.52, 0.31 and 0.17 at n = 3, 5, 10 and 20
    """
    return float(1 - ((1 - level) / 2) ** (1 / n))


def excess_p(counts: tuple[int, int], n: tuple[int, int], most: float) -> float:
    """Twice the one-sided p-value of the first group's share of failures being above the second's by `most` or more.

    `counts` of n seeds each. The exact test above, or, without a failure in the first group, the chance of that: its
    share is `most` at least.

    Raises:
        ValueError: see `share_difference`.
    """
    for count, size in zip(counts, n, strict=True):
        _check(count, size)
    _check_value(most, 0)
    p = (1 - most) ** n[0] if counts[0] == 0 else float(_table_tails(n, most)[0][counts])
    return min(1.0, 2 * p)


def _check(count: int, n: int, level: float = 0.95) -> None:
    checked_level(level)
    if n < 2:
        raise ValueError(f"a group of {n}: one seed is described, never judged; at least 2 needed")
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} seeds")


def _check_value(at: float, least: int) -> None:
    if not least <= at <= 1:
        raise ValueError(f"a {'difference of shares' if least else 'share'} is from {least} to 1, not {at}")


@lru_cache(maxsize=64)
def _table_tails(n: tuple[int, int], at: float) -> tuple[Array, Array]:
    """For every table (n + 1, m + 1): P(a score as low) and P(a score as high) at the worst p, if `at` is the truth."""
    first, second = np.meshgrid(np.arange(n[0] + 1), np.arange(n[1] + 1), indexing="ij")
    # Rounding must not separate tables that tie.
    scores = np.round(_score(first / n[0], second / n[1], n, at), 9)
    p = np.linspace(max(0.0, -at), min(1.0, 1.0 - at), NUISANCE_POINTS)
    laws = [
        scipy.stats.binom.pmf(np.arange(size + 1)[:, None], size, np.clip(q, 0, 1))
        for size, q in zip(n, (p + at, p), strict=True)
    ]
    order, group = np.unique(scores, return_inverse=True)
    by_score = np.zeros((len(order), len(p)))
    np.add.at(by_score, group.ravel(), np.einsum("ip,jp->ijp", *laws).reshape(-1, len(p)))
    lower = np.cumsum(by_score, axis=0).max(axis=1)
    higher = np.cumsum(by_score[::-1], axis=0)[::-1].max(axis=1)
    lower, higher = (np.minimum(tail, 1)[group].reshape(scores.shape) for tail in (lower, higher))
    return lower, higher


def _score(first: Array, second: Array, n: tuple[int, int], at: float) -> Array:
    """(p̂₁ - p̂₂ - δ) / σ(δ) for every table; the most likely p₁ solves a cubic (Farrington & Manning, appendix)."""
    ratio = n[1] / n[0]
    a = 1 + ratio
    b = -(1 + ratio + first + ratio * second + at * (ratio + 2))
    c = at**2 + at * (2 * first + ratio + 1) + first + ratio * second
    d = -first * at * (1 + at)
    v = b**3 / (27 * a**3) - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum(b**2 / (9 * a**2) - c / (3 * a), 1e-30))
    angle = (np.pi + np.arccos(np.clip(v / u**3, -1, 1))) / 3
    p_first = np.clip(2 * u * np.cos(angle) - b / (3 * a), 0, 1)
    p_second = np.clip(p_first - at, 0, 1)
    variance = p_first * (1 - p_first) / n[0] + p_second * (1 - p_second) / n[1]
    offset = first - second - at
    with np.errstate(divide="ignore", invalid="ignore"):
        score: Array = np.where(np.abs(offset) < 1e-12, 0.0, offset / np.sqrt(np.maximum(variance, 1e-18)))
    return score
