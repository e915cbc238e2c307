"""Aggregates of a run over its seeds, as Agarwal et al. ask for and their library rliable draws them.

"Deep reinforcement learning at the edge of the statistical precipice", 2021 (arXiv 2108.13264). They use the order of
the values or their middle, so that a diverged training can be +inf:

    interquartile mean          the mean of the middle half of the values, with the percentiles of a bootstrap that
                                resamples the seeds of each run on their own
    probability of improvement  P(a < b) + P(a = b) / 2 for a seed of each run: the Mann-Whitney statistic over n m. A
                                bootstrap has no width where the runs do not overlap; the interval is method 5 of
                                Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney
                                statistic", 2006
    performance profile         the share of seeds at or below each threshold, with the interval of Clopper & Pearson

An interval is given from as many seeds on as it covers in at least 91% (docs/statistics.md). All intervals are of 95%,
those of a profile for each threshold alone. Values of seeds (n,) -> numbers in the units of the values, or shares.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from analysis.statistics._base import Array, checked_groups

LEVEL = 0.95
RESAMPLES = 9999
SEEDS_OF_A_MEAN = 8
"""The fewest seeds whose interquartile mean has an interval: at 5 it would cover in 89%, at 3 in 75%."""
SEEDS_OF_AN_IMPROVEMENT = 5
"""The fewest seeds of the smaller run: at 3 it would cover in 86%."""
_SEED = 21_081_326


class Aggregate(NamedTuple):
    """A number with its 95% interval, which is None where there are too few seeds for one."""

    estimate: float
    low: float | None = None
    high: float | None = None


def interquartile_mean(values: npt.ArrayLike) -> Aggregate:
    """The mean without the lowest and the highest quarter, of values (n,), n >= 2.

    +inf where more than a quarter of the values are. The interval is the same at each call.
    """
    (seeds,) = checked_groups([values])
    estimate = float(scipy.stats.trim_mean(seeds, 0.25))
    return Aggregate(estimate, *mean_interval(seeds) if len(seeds) >= SEEDS_OF_A_MEAN else ())


def mean_interval(seeds: Array) -> tuple[float, float]:
    """The interval of an interquartile mean of values (n,), however few."""
    draws = np.random.default_rng(_SEED).integers(0, len(seeds), (RESAMPLES, len(seeds)))
    means = scipy.stats.trim_mean(seeds[draws], 0.25, axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    return float(low), float(high)


def probability_of_lower(a: npt.ArrayLike, b: npt.ArrayLike) -> Aggregate:
    """The probability that a seed of a (n,) has a lower value than a seed of b (m,); equal ones count half."""
    first, second = checked_groups([a, b])
    enough = min(len(first), len(second)) >= SEEDS_OF_AN_IMPROVEMENT
    return Aggregate(_share_of_pairs(first, second), *probability_interval(first, second) if enough else ())


def probability_interval(a: Array, b: Array) -> tuple[float, float]:
    """The interval of the probability of a lower value, of values (n,) and (m,), however few."""
    n, m, estimate = len(a), len(b), _share_of_pairs(a, b)

    def outside(truth: float) -> float:
        """Above 0 where a test of this probability rejects the estimate."""
        pairs = (n + m) / 2 - 1
        shape = 1 + pairs * ((1 - truth) / (2 - truth) + truth / (1 + truth))
        variance = truth * (1 - truth) * shape / (n * m)
        return (estimate - truth) ** 2 - float(scipy.stats.norm.isf((1 - LEVEL) / 2)) ** 2 * variance

    # At an estimate of 0 or 1 the test has a second root there, where it has no variance.
    low = scipy.optimize.brentq(outside, 0, min(estimate, 1 - 1e-9)) if estimate > 0 else 0.0
    high = scipy.optimize.brentq(outside, max(estimate, 1e-9), 1) if estimate < 1 else 1.0
    return low, high


def _share_of_pairs(a: Array, b: Array) -> float:
    return float(1 - scipy.stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)))


def profile(values: npt.ArrayLike, thresholds: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """The share of values (n,), n >= 2, at or below each threshold (k,), and both ends of its interval, (k,) each."""
    (seeds,) = checked_groups([values])
    count = (seeds[None, :] <= np.asarray(thresholds, dtype=np.float64)[:, None]).sum(axis=1)
    n, tail = len(seeds), (1 - LEVEL) / 2
    low = np.where(count > 0, scipy.stats.beta.ppf(tail, np.maximum(count, 1), n - count + 1), 0.0)
    high = np.where(count < n, scipy.stats.beta.isf(tail, count + 1, np.maximum(n - count, 1)), 1.0)
    return count / n, low, high
