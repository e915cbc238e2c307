"""The sampling noise of the Fréchet distance: how much it varies between sets of N samples of the same generator.

The distance is a functional of the samples' distribution through μ and Σ, so its noise follows from its
influence function (Hampel, "The influence curve and its role in robust estimation", 1974), without resampling:

    ψ(x) = 2 (μ - μ_r)·(x - μ) + (x - μ)ᵀ (I - T) (x - μ) - tr((I - T) Σ),    Var d² ≈ mean ψ² / N
    T    = Σ_r^½ (Σ_r^½ Σ Σ_r^½)^-½ Σ_r^½

2 (μ - μ_r) is the gradient of d² with respect to μ, I - T with respect to Σ; T is the optimal transport map from
N(μ, Σ) to N(μ_r, Σ_r) (Dowson & Landau, 1982; Takatsu, "Wasserstein geometry of Gaussian measures", 2011). With
Σ_r = R Rᵀ and the eigenvectors of RᵀΣR = U S² Uᵀ, T is R U S⁻¹ Uᵀ Rᵀ: singular covariances only lose directions in
which one side does not vary. d² itself needs only S.

What the interval covers: the mean of d² over sets of N samples. That mean is above the distance at infinite N by a bias
of about c / N, which the interval neither contains nor removes; protocols fix N, and `extrapolation` removes the bias.
A bootstrap has the bias twice, around d² + c / N, so only its width can be compared.

Accuracy: to first order, hence best where d² is well above the floor of real images. At the floor itself the interval
is up to √2 times too wide, and a bootstrap's up to √3 times. Neither knows about tails that are missing from the N
samples: if features have no fourth moments, both are too narrow. It was checked for N of 5 d and more; less is refused.

Features (N, d) and the reference's statistics -> ψ (N,) -> an interval, in squared units of the features.
"""

import numpy as np
import numpy.typing as npt
import scipy

from fakeface.errors import UserError
from fakeface.evaluation.frechet import Array, Statistics, product, statistics
from fakeface.measures import Estimate

Features = npt.NDArray[np.floating]

SAMPLES_PER_DIMENSION = 5
"""With fewer samples per feature, the covariance is too noisy to estimate its own noise."""

_ROWS = 4_096  # samples in float64 at a time: 50,000 of 2,048 features would take 0.8 GB a copy


def frechet_interval(features: Features, reference: Statistics) -> Estimate:
    """The distance of samples (N, d) from the reference, with its 95% interval; NaN where features are not finite.

    The reference is taken as fixed: right for comparing generators under one protocol, whose reference is the same
    for all. The lower end is at least 0.

    Raises:
        UserError: fewer than 5 d samples.
    """
    _check_enough(features)
    value, influence = _compare(features, statistics(features), reference)
    error = float(np.sqrt(influence.var(ddof=1) / len(influence)))
    margin = float(scipy.special.ndtri(0.975)) * error
    low = float(np.maximum(0.0, value - margin))  # max() would turn NaN into 0
    return Estimate(value, error, low, value + margin)


def frechet_influence(features: Features, other: Statistics) -> Array:
    """ψ (N,), mean 0: how the distance from `other` grows as weight moves from all samples to each one of them.

    NaN where a feature or a statistic of `other` is not finite.
    """
    return _compare(features, statistics(features), other)[1]


def _check_enough(features: Features) -> None:
    """Raise UserError for samples (N, d) with N < 5 d."""
    count, dimension = features.shape
    least = SAMPLES_PER_DIMENSION * dimension
    if count < least:
        raise UserError(
            f"{count} samples are too few to estimate the noise of a Fréchet distance in {dimension} features: below "
            f"{SAMPLES_PER_DIMENSION} per feature the covariance itself is mostly noise. Set evaluation.num_samples to "
            f"{least} or more, or use an extractor with fewer features."
        )


def _compare(features: Features, own: Statistics, other: Statistics) -> tuple[float, Array]:
    """The distance of `own`, the statistics of features (N, d), from `other`, and ψ (N,): one decomposition."""
    if own.mean.shape != other.mean.shape:
        raise ValueError(f"features of different lengths: {own.mean.shape} and {other.mean.shape}")
    influence = np.full(len(features), np.nan)
    if not all(np.isfinite(part).all() for part in (own.covariance, other.mean, other.covariance)):
        return float("nan"), influence
    offset = own.mean - other.mean
    squares, u = scipy.linalg.eigh(product(own, other))
    s = np.sqrt(np.clip(squares, 0, None))
    distance = offset @ offset + np.trace(own.covariance) + np.trace(other.covariance) - 2 * s.sum()
    kept = squares > squares.max(initial=0.0) * len(squares) * np.finfo(np.float64).eps
    transport = other.root @ (u[:, kept] / np.sqrt(s[kept]))  # T is this times its transpose
    for start in range(0, len(features), _ROWS):
        x = features[start : start + _ROWS].astype(np.float64) - own.mean
        moved = x @ transport
        influence[start : start + _ROWS] = 2 * x @ offset + (x**2).sum(axis=1) - (moved**2).sum(axis=1)
    return max(0.0, float(distance)), influence - influence.mean()
