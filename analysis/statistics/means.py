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
from functools import lru_cache

import numpy as np
import scipy

from analysis.statistics._base import Array, Effect, Groups, Region, checked_groups, checked_level

ROUNDING = 1e-12
"""Spread, relative to the values, below which it is rounding and no measure of anything."""
NODES = 512
"""Points at which a mean over the estimated variance is taken: powers are right to 0.005."""


@dataclass(frozen=True)
class MeanEffect(Effect):
    """A contrast of means with its standard error and degrees of freedom."""

    standard_error: float
    df: float
    shares: tuple[float, ...] = (1.0,)
    """Of the groups in the variance of the contrast; one where it is taken within each seed."""

    def tails(self, at: float) -> tuple[float, float]:
        score = (self.estimate - at) / self.standard_error
        return float(scipy.special.stdtr(self.df, score)), float(scipy.special.stdtr(self.df, -score))

    def power(self, at: float, n: int) -> float:
        return self.contained(Region(at, math.inf) if at <= self.estimate else Region(-math.inf, at), n)

    def contained(self, region: Region, n: int) -> float:
        """Exact for normal values."""
        low, high = ((end - self.estimate) / self._error(n) for end in (region.low, region.high))
        return power_within(low, high, n, self.shares, self.level)

    def detectable(self, region: Region, n: int, power: float) -> Region | None:
        error = self._error(n)
        if len(region.edges) == 1:
            distance = _distance(math.inf, power, n, self.shares, self.level) * error
        else:
            half = (region.high - region.low) / 2 / error
            distance = _distance(half, power, n, self.shares, self.level) * error
        return None if math.isinf(distance) else Region(region.low + distance, region.high - distance)

    def _error(self, n: int) -> float:
        """Standard error with n seeds a group."""
        return self.standard_error * math.sqrt(min(self.n) / n)


def power_within(low: float, high: float, n: int, shares: tuple[float, ...], level: float) -> float:
    """P(the interval of a contrast is within two ends) for n normal values a group.

    The ends are in standard errors from the truth. Groups have these shares of the variance v of the contrast:
    v̂ = Σ shareᵢ χ²ᵢ(n - 1) / (n - 1), independent of the estimate and with Welch's degrees of freedom. Given v̂, the
    interval has the half-width h = t(df) √v̂, and P = Φ(high - h) - Φ(low + h). The mean is that over `NODES` points.
    """
    parts = _squares(n, len(shares)) * np.array(shares)
    variance = parts.sum(axis=1)
    df = (n - 1) * variance**2 / (parts**2).sum(axis=1)
    half = scipy.special.stdtrit(df, (1 + level) / 2) * np.sqrt(variance)
    return float(np.maximum(scipy.special.ndtr(high - half) - scipy.special.ndtr(low + half), 0.0).mean())


@lru_cache(maxsize=256)
def _squares(n: int, k: int) -> Array:
    """Points (NODES, k) of the law of k independent χ²(n - 1) / (n - 1)."""
    # Sobol's points fill a cube evenly; the first one, 0, is left out.
    points = scipy.stats.qmc.Sobol(k, scramble=False).random_base2(NODES.bit_length())[1 : NODES + 1]
    found: Array = 2 * scipy.special.gammaincinv((n - 1) / 2, points) / (n - 1)
    return found


@lru_cache(maxsize=512)
def _distance(half: float, power: float, n: int, shares: tuple[float, ...], level: float) -> float:
    """How many standard errors the truth must be from the edge of a region of this half-width, infinite for one edge,
    for `power_within` to be `power`; infinite if it is too narrow."""

    def excess(distance: float) -> float:
        return power_within(-distance, 2 * half - distance, n, shares, level) - power

    far = half
    if math.isinf(half):
        far = 1.0
        while excess(far) < 0:
            far *= 2
    return float(scipy.optimize.brentq(excess, 0.0, far, xtol=1e-4)) if excess(far) >= 0 else math.inf


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
    half = float(scipy.special.stdtrit(df, (1 + level) / 2)) * error
    return MeanEffect(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        level=level,
        n=tuple(len(array) for array in arrays),
        method="paired t" if paired else "Welch t",
        p=float(2 * scipy.special.stdtr(df, -abs(estimate) / error)),
        standard_error=error,
        df=df,
        shares=tuple((variances / variance).tolist()),
    )


def _variances(arrays: list[Array], weights: Sequence[float], paired: bool) -> tuple[Array, Array]:
    """Independent parts of the variance of the contrast, and the degrees of freedom of each."""
    if paired:
        within = np.sum([weight * array for weight, array in zip(weights, arrays, strict=True)], axis=0)
        return np.array([within.var(ddof=1) / len(within)]), np.array([len(within) - 1.0])
    parts = [w**2 * array.var(ddof=1) / len(array) for w, array in zip(weights, arrays, strict=True)]
    return np.array(parts), np.array([len(array) - 1.0 for array in arrays])
