"""Fréchet distance between two sets of features, each taken as a Gaussian.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017
(arXiv 1706.08500); the closed form for Gaussians is Dowson & Landau, "The Fréchet distance between
multivariate normal distributions", 1982:

    d² = |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)

Features (N, d) -> μ (d,), Σ (d, d) with divisor N - 1 -> one number, in squared units of the features. As usual, the
square d² is called the Fréchet distance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from fakeface.errors import UserError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean (d,) and covariance (d, d), float64, of n feature vectors.

    With n <= d the covariance is singular. The distance is still defined and agrees with torch-fidelity's, but its bias
    is large: compare it only at the same n, which a protocol fixes.
    """

    mean: Array
    covariance: Array
    n: int


def statistics(features: npt.NDArray[np.floating]) -> Statistics:
    """Mean and covariance, in float64, of features (N, d). NaN features give NaN statistics.

    Raises:
        UserError: fewer than two feature vectors, which have no covariance.
    """
    if features.ndim != 2:
        raise ValueError(f"features must be (N, d), got shape {features.shape}")
    if len(features) < 2:
        raise UserError(f"a Fréchet distance needs at least 2 samples, got {len(features)}")
    x = features.astype(np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    return Statistics(mean, centred.T @ centred / (len(x) - 1), len(x))


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """Squared Fréchet distance, at least 0; NaN where a statistic is not finite.

    tr((Σ₁ Σ₂)^½) is the nuclear norm of Σ₁^½ Σ₂^½, for its singular values squared are the eigenvalues of Σ₁
    Σ₂. Only symmetric matrices are decomposed, so that singular covariances give no complex or negative
    numbers.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"features of different lengths: {a.mean.shape} and {b.mean.shape}")
    parts = (a.mean, a.covariance, b.mean, b.covariance)
    if not all(np.isfinite(part).all() for part in parts):
        return float("nan")
    offset = a.mean - b.mean
    root_product = _root(a.covariance) @ _root(b.covariance)
    cross = scipy.linalg.svdvals(root_product).sum()
    distance = offset @ offset + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross
    return max(0.0, float(distance))


def _root(covariance: Array) -> Array:
    """A matrix R with R Rᵀ = Σ; negative eigenvalues, which come from rounding, count as 0."""
    values, vectors = scipy.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root
