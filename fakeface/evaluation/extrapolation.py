"""The Fréchet distance at infinite N, by a straight line.

Chong & Forsyth, "Effectively Unbiased FID and Inception Score and where to find them", 2020 (arXiv 1911.07023):
the distance of n samples is above that of infinitely many by a bias that is nearly proportional to 1 / n, with a
constant of the generator's own. So it is measured at several n, and

    d²(n) = d²(∞) + c / n        is fitted by least squares; d²(∞) is the intercept.

As in the paper, sizes are evenly spaced up to N and subsets are drawn at random. Unlike in the paper, the mean
influence of each subset (`frechet_interval`) is subtracted from its distance: it is the first-order noise of drawing
this subset. The points are then closer to the line, without bias, because influences have mean 0.

No subset has fewer than 3 d samples, where the bias is a twentieth above c / n. With N near 5 d the line therefore
removes too much, in Gaussians 2 to 11% of the bias: less than the standard error.

The standard error has two parts: that of the line's intercept, and that of the N samples themselves, which all points
share and a regression cannot detect. The reference is fixed: its own finite size biases d²(∞) too, by the same amount
for generators of the same quality.

Features (N, d) and the reference's statistics -> two numbers, in squared units of the features.
"""

import numpy as np
import numpy.typing as npt

from fakeface.evaluation.frechet import Array, Statistics, frechet_distance, statistics
from fakeface.evaluation.frechet_interval import Features, check_enough, frechet_influence
from fakeface.measures import Estimate

POINTS = 15
"""Subset sizes, as in the paper."""
_SMALLEST_SHARE = 10  # the smallest subset is a tenth of the samples, as in the paper
_SMALLEST_PER_DIMENSION = 3  # the bias of fewer bends further away from c / n
_SEED = 19_110_702


def extrapolate(features: Features, reference: Statistics) -> Estimate:
    """The distance that infinitely many samples of the generator of `features` (N, d) would have, and its error.

    The subsets are the same at each call. Noise can put the value below 0 where a generator is very good. NaN where
    features are not finite.

    Raises:
        UserError: fewer than 5 d samples.
    """
    check_enough(features)
    influence = frechet_influence(features, reference)
    sizes = _subset_sizes(*features.shape)
    random = np.random.default_rng(_SEED)
    distances = np.empty(POINTS)
    for i, size in enumerate(sizes):
        chosen = random.choice(len(features), size, replace=False)
        distances[i] = frechet_distance(statistics(features[chosen]), reference) - influence[chosen].mean()
    intercept, error = _intercept(1 / sizes, distances)
    shared = influence.var(ddof=1) / len(features)
    return Estimate(intercept, float(np.sqrt(error**2 + shared)))


def _subset_sizes(count: int, dimension: int) -> npt.NDArray[np.int64]:
    smallest = max(count // _SMALLEST_SHARE, _SMALLEST_PER_DIMENSION * dimension, 2)
    return np.linspace(smallest, count, POINTS).round().astype(int)


def _intercept(x: Array, y: Array) -> tuple[float, float]:
    """Intercept of the least-squares line through points (n,), and its standard error."""
    spread = x - x.mean()
    squares = float(spread @ spread)
    slope = float(spread @ y) / squares
    intercept = float(y.mean()) - slope * float(x.mean())
    residual_variance = float(np.sum((y - intercept - slope * x) ** 2)) / (len(x) - 2)
    error = np.sqrt(residual_variance * (1 / len(x) + x.mean() ** 2 / squares))
    return intercept, float(error)
