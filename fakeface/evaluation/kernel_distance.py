"""Squared maximum mean discrepancy of two sets of features under a cubic kernel; in InceptionV3's features, KID.

Bińkowski et al., "Demystifying MMD GANs", 2018 (arXiv 1801.01401); unbiased at every N, unlike the Fréchet
distance. For features x of m samples and y of n real images:

    k(a, b) = (aᵀb / d + 1)³
    MMD²    = mean over i ≠ j of k(xᵢ, xⱼ) + mean over i ≠ j of k(yᵢ, yⱼ) - 2 mean over i, j of k(xᵢ, yⱼ)

All pairs are used (a U-statistic), not the paper's hundred subsets of 1,000: the same expectation with the least
noise, and a standard error in closed form. By Hoeffding's decomposition ("A class of statistics with
asymptotically normal distribution", 1948) the variance is exactly

    4 α / m + 4 β / n + 2 τ_xx / (m (m - 1)) + 2 τ_yy / (n (n - 1)) + 4 τ_xy / (m n)

with α the variance of E k(x, x') - E k(x, y) over x, β its twin over y, and τ the variances of the kernels less
their row and column means. α and β vanish where the two distributions are equal and the τ remain: the error is valid
there too (at most a fifth too large, because estimates of α and β below 0 are cut off).

Features (m, d) and (n, d) -> MMD² and its standard error, without unit. Slightly negative values are normal.
"""

from dataclasses import dataclass

import numpy as np

from fakeface.errors import UserError
from fakeface.evaluation.frechet import Array
from fakeface.evaluation.frechet_interval import Features
from fakeface.measures import Estimate

_ROWS = 1_024  # rows of a kernel matrix at a time: against 50,000 real images they take 0.4 GB


@dataclass(frozen=True, eq=False)
class _Means:
    """Means of a kernel matrix, without its diagonal if both sides are the same set."""

    rows: Array
    columns: Array
    total: float
    interaction: float
    """τ: the variance that is neither of the rows nor of the columns."""


def kernel_distance(samples: Features, real: Features) -> Estimate:
    """MMD² between the features of samples (m, d) and of real images (n, d), in O(m n d) time.

    The error includes the sampling noise of both sides. NaN where features are not finite.

    Raises:
        UserError: fewer than four on a side, too few to estimate the noise.
    """
    if samples.shape[1] != real.shape[1]:
        raise ValueError(f"features of different lengths: {samples.shape[1]} and {real.shape[1]}")
    m, n = len(samples), len(real)
    if min(m, n) < 4:
        raise UserError(
            f"a kernel distance needs at least 4 samples and 4 real images, got {m} and {n}: "
            "raise evaluation.num_samples or evaluation.num_reference"
        )
    x, y = samples.astype(np.float64), real.astype(np.float64)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Estimate(float("nan"), float("nan"))
    xx, yy, xy = _kernel_means(x, x), _kernel_means(y, y), _kernel_means(x, y)
    value = xx.total + yy.total - 2 * xy.total
    # Subtract the variance that averaging over finitely many other samples adds to the rows.
    alpha = (xx.rows - xy.rows).var(ddof=1) - xx.interaction / (m - 1) - xy.interaction / n
    beta = (yy.rows - xy.columns).var(ddof=1) - yy.interaction / (n - 1) - xy.interaction / m
    first_order = max(0.0, 4 * alpha / m + 4 * beta / n)
    within = 2 * xx.interaction / (m * (m - 1)) + 2 * yy.interaction / (n * (n - 1))
    variance = first_order + within + 4 * xy.interaction / (m * n)
    return Estimate(value, float(np.sqrt(variance)))


def _kernel_means(a: Array, b: Array) -> _Means:
    """Row, column and total means of k(aᵢ, bⱼ), without i = j where b is a."""
    same = a is b
    rows, columns, squares = np.empty(len(a)), np.zeros(len(b)), 0.0
    for start in range(0, len(a), _ROWS):
        kernel = _cubic(a[start : start + _ROWS], b)
        if same:
            own = np.arange(len(kernel))
            kernel[own, start + own] = 0
        rows[start : start + _ROWS] = kernel.sum(axis=1)
        columns += kernel.sum(axis=0)
        squares += float(np.vdot(kernel, kernel))
    per_row, per_column = len(b) - same, len(a) - same
    rows /= per_row
    columns /= per_column
    total = float(rows.mean())
    explained = rows.var() + columns.var() + total**2
    return _Means(rows, columns, total, max(0.0, squares / (len(a) * per_row) - float(explained)))


def _cubic(a: Array, b: Array) -> Array:
    base = a @ b.T
    base /= a.shape[1]
    base += 1
    kernel: Array = base * base
    kernel *= base
    return kernel
