"""The Fréchet distance at infinite N, by a curve through three sizes.

Chong & Forsyth, "Effectively Unbiased FID and Inception Score and where to find them", 2020 (arXiv 1911.07023):
the distance of n samples is above that of infinitely many by a bias that is nearly proportional to 1 / n, with a
constant of the generator's own. Their line in 1 / n ends below the truth where n is small: with 5 samples a feature by
4% of the bias, which near the floor of real images is several standard errors. So the next term is fitted too,

    d²(n) = d²(∞) + c / n + e / n²        at n = N, 3 N / 4 and N / 2
    d²(∞) = 8 d²(N) - 9 d²(3 N / 4) + 2 d²(N / 2)

the second-order jackknife of Schucany, Gray & Owen, "On bias reduction in estimation", 1971. A random split of the
samples into quarters gives four subsets of 3 N / 4 and six of N / 2. They hold each sample equally often, so that in
their means the noise of drawing a subset cancels to first order.

The variance is that of d²(N) (`frechet_interval`) times N / (N - d), and that of d²(∞) over splits. The factor is for
influences of samples on a distance whose gradient comes from the same samples: its squares are too small by the share
d / N, as the residuals of a regression on d features are. The reference is fixed: its own finite size biases d²(∞)
too, by the same amount for generators of the same quality.

What is neglected is the term in 1 / n³. In Gaussians with equal covariances (the law of Marchenko & Pastur, 1967) it
adds 0.63 to 0.71 d / N of what the term in e takes off. Where that could be a third of the standard error, no value is
given, and none of fewer than 6 d samples, whose error is too short for generators that vary less than the real images
(docs/statistics.md has the coverage).

Features (N, d) and the reference's statistics -> two numbers, in squared units of the features.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fakeface.errors import UserError
from fakeface.evaluation.frechet import Array, Statistics, frechet_distance
from fakeface.evaluation.frechet_interval import Features, frechet_influence
from fakeface.measures import Estimate

SAMPLES_PER_DIMENSION = 6
SPLITS = 3
_NEXT_TERM = 0.7
_LARGEST_BIAS = 1 / 3
"""In standard errors: 95% intervals with such a bias cover in 93.7%."""
_SEED = 19_110_702


def extrapolate(features: Features, reference: Statistics) -> Estimate:
    """The distance that infinitely many samples of the generator of `features` (N, d) would have, and its error.

    The splits are the same at each call. Noise can put the value below 0 where a generator is very good. NaN where
    features are not finite.

    Raises:
        UserError: fewer than 6 d samples, or so few that what the curve neglects may be a third of the error.
    """
    count, dimension = features.shape
    least = SAMPLES_PER_DIMENSION * dimension
    if count < least:
        raise UserError(
            f"{count} samples are too few to extrapolate a Fréchet distance in {dimension} features: set "
            f"evaluation.num_samples to {least} or more, or use an extractor with fewer features"
        )
    influence = frechet_influence(features, reference)
    if np.isnan(influence).any():
        return Estimate(float("nan"), float("nan"))
    random = np.random.default_rng(_SEED)
    values, bends = np.empty(SPLITS), np.empty(SPLITS)
    for i in range(SPLITS):
        quarters = [_Moments.of(features[part]) for part in np.array_split(random.permutation(count), 4)]
        whole, more, half = (
            np.mean(
                [
                    frechet_distance(sum(subset[1:], subset[0]).statistics, reference)
                    for subset in combinations(quarters, size)
                ]
            )
            for size in (4, 3, 2)
        )
        values[i] = 8 * whole - 9 * more + 2 * half
        bends[i] = values[i] - (4 * whole - 3 * more)  # the line through N and 3 N / 4
    shared = influence.var(ddof=1) / (count - dimension)
    error = float(np.sqrt(shared + values.var(ddof=1) / SPLITS))
    neglected = _NEXT_TERM * dimension / count * abs(float(bends.mean()))
    if neglected > _LARGEST_BIAS * error:
        raise UserError(
            f"{count} samples are too few to extrapolate a distance this near to that of real images in {dimension} "
            f"features: the bias that is left may be {neglected / error:.2g} standard errors. Use more samples "
            "(evaluation.num_samples), or an extractor with fewer features."
        )
    return Estimate(float(values.mean()), error)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Number, sum (d,) and sum of outer products (d, d) of some samples."""

    n: int
    total: Array
    products: Array

    @classmethod
    def of(cls, features: Features) -> "_Moments":
        x = features.astype(np.float64)
        return cls(len(x), x.sum(axis=0), x.T @ x)

    def __add__(self, other: "_Moments") -> "_Moments":
        return _Moments(self.n + other.n, self.total + other.total, self.products + other.products)

    @property
    def statistics(self) -> Statistics:
        mean = self.total / self.n
        return Statistics(mean, (self.products - np.outer(self.total, mean)) / (self.n - 1), self.n)
