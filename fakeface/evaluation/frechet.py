"""Fréchet distance between two sets of features, each taken as a Gaussian.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017
(arXiv 1706.08500); the closed form for Gaussians is Dowson & Landau, "The Fréchet distance between
multivariate normal distributions", 1982:

    d² = |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)

Features (N, d) -> μ (d,), Σ (d, d) with divisor N - 1 -> one number, in squared units of the features. As usual, the
square d² is called the Fréchet distance.
"""

from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def root(self) -> Array:
        """R (d, r) with R Rᵀ = Σ and r the rank of Σ. Computed once, since many generators share a reference.

        Eigenvalues that rounding cannot tell from 0 count as 0.
        """
        values, vectors = scipy.linalg.eigh(self.covariance)
        kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
        root: Array = vectors[:, kept] * np.sqrt(values[kept])
        return root

    @classmethod
    def with_root(cls, mean: Array, covariance: Array, n: int, root: Array) -> "Statistics":
        """Statistics whose root is known already."""
        found = cls(mean, covariance, n)
        object.__setattr__(found, "root", root)  # where the cached property looks first
        return found


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


def frechet_distance(a: Statistics, reference: Statistics) -> float:
    """Squared Fréchet distance, at least 0; NaN where a statistic is not finite.

    tr((Σ₁ Σ₂)^½) is the sum of the roots of the eigenvalues of Rᵀ Σ₁ R, which are those of Σ₁ Σ₂, for any R with
    R Rᵀ = Σ₂. Only symmetric matrices are decomposed, so that singular covariances give no complex or negative numbers.
    The distance is symmetric; its second argument is the one whose root is kept.
    """
    if a.mean.shape != reference.mean.shape:
        raise ValueError(f"features of different lengths: {a.mean.shape} and {reference.mean.shape}")
    parts = (a.mean, a.covariance, reference.mean, reference.covariance)
    if not all(np.isfinite(part).all() for part in parts):
        return float("nan")
    offset = a.mean - reference.mean
    cross = np.sqrt(np.clip(scipy.linalg.eigvalsh(product(a, reference)), 0, None)).sum()
    traces = np.trace(a.covariance) + np.trace(reference.covariance)
    return max(0.0, float(offset @ offset + traces - 2 * cross))


def product(a: Statistics, reference: Statistics) -> Array:
    """Rᵀ Σ₁ R (r, r), symmetric to the last bit."""
    found = reference.root.T @ a.covariance @ reference.root
    symmetric: Array = (found + found.T) / 2
    return symmetric
