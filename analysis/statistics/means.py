"""Contrasts of group means by Student's t: Σ cᵢ mean(group i).

Paired by seed, the contrast is taken within each seed and its mean has n - 1 degrees of freedom (Student, "The
probable error of a mean", 1908). Unpaired, variances are not assumed equal: Welch, "The generalization of
'Student's' problem when several different population variances are involved", 1947, with Satterthwaite's
degrees of freedom

    se² = Σ vᵢ,  vᵢ = cᵢ² sᵢ² / nᵢ,   df = (Σ vᵢ)² / Σ vᵢ² / (nᵢ - 1),   interval = estimate ± t(df) se

Groups (nᵢ,) -> one number in the units of the values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit
from scipy.stats import nct

from analysis.statistics._base import Array, Effect, Groups, checked_groups, checked_level

ROUNDING = 1e-12
"""Spread, relative to the values, below which it is rounding and no measure of anything."""


@dataclass(frozen=True)
class MeanEffect(Effect):
    """A contrast of means with its standard error and degrees of freedom."""

    standard_error: float
    df: float

    def tails(self, at: float) -> tuple[float, float]:
        score = (self.estimate - at) / self.standard_error
        return float(stdtr(self.df, score)), float(stdtr(self.df, -score))

    def power(self, at: float, n: int) -> float:
        has = min(self.n)
        scores = abs(self.estimate - at) / self.standard_error * math.sqrt(n / has)
        return power_of_t(scores, self.df * (n - 1) / (has - 1), self.level)


def power_of_t(scores: float, df: float, level: float) -> float:
    """P(an interval excludes a value on its one side) if the truth is `scores` standard errors beyond it.

    The statistic is noncentral t. SciPy loses its far tail to NaN, where the power is 1.
    """
    power = float(nct.sf(stdtrit(df, (1 + level) / 2), df, scores))
    return 1.0 if math.isnan(power) else power


def contrast(
    groups: Groups, weights: Sequence[float], *, paired: bool, level: float = 0.95
) -> MeanEffect | None:
    """The contrast of means with these weights, or None where the values have no spread to judge it by.

    Where `paired`, position i of every group is the same seed.

    Raises:
        ValueError: see `checked_groups`; an infinite value, which has no mean; paired groups of unequal size.
    """
    checked_level(level)
    arrays = checked_groups(groups)
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("an infinite value has no mean: compare by ranks")
    if paired and len({len(array) for array in arrays}) > 1:
        raise ValueError(f"paired groups of {[len(array) for array in arrays]} seeds")
    estimate = sum(weight * float(array.mean()) for weight, array in zip(weights, arrays, strict=True))
    variances, freedoms = _variances(arrays, weights, paired)
    variance = variances.sum()
    scale = max(float(np.abs(weight * array).max()) for weight, array in zip(weights, arrays, strict=True))
    if variance <= (ROUNDING * scale) ** 2:
        return None
    df = float(variance**2 / (variances**2 / freedoms).sum())
    error = float(np.sqrt(variance))
    half = float(stdtrit(df, (1 + level) / 2)) * error
    return MeanEffect(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        level=level,
        n=tuple(len(array) for array in arrays),
        method="paired t" if paired else "Welch t",
        p=float(2 * stdtr(df, -abs(estimate) / error)),
        standard_error=error,
        df=df,
    )


def _variances(arrays: list[Array], weights: Sequence[float], paired: bool) -> tuple[Array, Array]:
    """Independent parts of the variance of the contrast, and the degrees of freedom of each."""
    if paired:
        within = np.sum([weight * array for weight, array in zip(weights, arrays, strict=True)], axis=0)
        return np.array([within.var(ddof=1) / len(within)]), np.array([len(within) - 1.0])
    parts = [w**2 * array.var(ddof=1) / len(array) for w, array in zip(weights, arrays, strict=True)]
    return np.array(parts), np.array([len(array) - 1.0 for array in arrays])
