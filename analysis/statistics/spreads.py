"""How far values spread over seeds, and which part of it one cause makes, with intervals for normal values.

    standard deviation    s,            (n - 1) s² / σ²  ~  χ²(n - 1)
    ratio of variances    s² / t²,      s² τ² / (t² σ²)  ~  F(n - 1, m - 1)

Fisher, "Statistical methods for research workers", 1925. With few seeds both are wide: at n = 5 a standard deviation is
known up to a factor of 0.6 to 2.9, a ratio to one of 0.1 to 9.6. Values with heavier tails are covered less often
(docs/statistics.md). Values (n,), n >= 2, without infinities -> numbers.
"""

import math

import numpy as np
import numpy.typing as npt
import scipy

from analysis.statistics._base import Array, checked_groups
from analysis.statistics.aggregates import LEVEL, Aggregate

_TAIL = (1 - LEVEL) / 2


def spread(values: npt.ArrayLike) -> Aggregate:
    """The standard deviation of values (n,), in their units.

    Raises:
        ValueError: an infinite value; see `checked_groups`.
    """
    (own,) = _finite(values)
    found, df = float(own.std(ddof=1)), len(own) - 1
    low, high = (
        found * math.sqrt(df / quantile)
        for quantile in (scipy.stats.chi2.isf(_TAIL, df), scipy.stats.chi2.ppf(_TAIL, df))
    )
    return Aggregate(found, low, high)


def variance_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> Aggregate:
    """The variance of a (n,) over that of b (m,); NaN without bounds where b has no spread.

    Raises:
        ValueError: an infinite value; see `checked_groups`.
    """
    first, second = _finite(a, b)
    if not second.var():
        return Aggregate(math.nan)
    found = float(first.var(ddof=1) / second.var(ddof=1))
    df = len(first) - 1, len(second) - 1
    return Aggregate(
        found, found / float(scipy.stats.f.isf(_TAIL, *df)), found / float(scipy.stats.f.ppf(_TAIL, *df))
    )


def _finite(*groups: npt.ArrayLike) -> list[Array]:
    arrays = checked_groups(groups)
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("an infinite value has no spread: leave the run out, or claim its outcome")
    return arrays
