"""The Fréchet distance of real images from real images: no generator can be expected to be below it.

Two disjoint draws from one distribution differ by chance, and the distance includes all of this noise: with n₁ and n₂
images its expectation is about c (1/n₁ + 1/n₂), far above 0. Compare a generator's distance with this floor at the
protocol's own sizes, N samples and N_r real images.

Where two such draws do not fit into the real images, smaller ones are compared, and the distance is scaled by
(1/N + 1/N_r) / (1/n₁ + 1/n₂), the first-order dependence of its expectation on the sizes. A reference keeps only some
features, so it brings the distance of one half of all its images from the other. In Gaussians of 128 features the
scaled floor is within 2% of the floor itself from 2 images a feature in each half on.

Real features (M, d) -> one number, in squared units of the features.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fakeface.errors import UserError
from fakeface.evaluation.frechet import frechet_distance, statistics
from fakeface.evaluation.frechet_interval import Features

if TYPE_CHECKING:
    from fakeface.evaluation.reference import Reference

DRAWS = 3
LEAST_PER_FEATURE = 2
"""Real images a feature in each of two halves whose distance is scaled."""
_SEED = 20_181_105


def real_floor(real: Features, num_samples: int, num_reference: int) -> float:
    """The mean distance of `num_samples` real images from `num_reference` others, from features (M, d), M > N.

    The mean over three random splits of the features, which are the same at every call. Where fewer than
    `num_reference` others are left, the distance is scaled.
    """
    first, second = num_samples, min(num_reference, len(real) - num_samples)
    scale = (1 / num_samples + 1 / num_reference) / (1 / first + 1 / second)
    random = np.random.default_rng(_SEED)
    distances = np.empty(DRAWS)
    for i in range(DRAWS):
        order = random.permutation(len(real))
        one, other = real[order[:first]], real[order[first : first + second]]
        distances[i] = scale * frechet_distance(statistics(one), statistics(other))
    return float(distances.mean())


def distance_of_halves(real: Features) -> float:
    """The mean distance of one random half of real images (M, d) from the other; NaN where M < 4 d."""
    count, dimension = real.shape
    half = count // 2
    return real_floor(real, half, half) if half >= max(2, LEAST_PER_FEATURE * dimension) else float("nan")


@lru_cache(maxsize=8)
def floor_of(reference: "Reference", num_samples: int) -> float:
    """The distance of `num_samples` real images from the reference; computed once for all jobs of a process.

    Where the reference kept fewer than two draws of `num_samples`, the distance of its halves is scaled.

    Raises:
        UserError: the reference has too few images.
    """
    real, num_reference = reference.drawn, reference.features.n
    if len(real) >= 2 * num_samples:
        return real_floor(real, num_samples, num_reference)
    if math.isnan(reference.halves):
        raise UserError(f"{num_reference} real images are too few for a floor of {num_samples} samples")
    half = num_reference // 2
    return (1 / num_samples + 1 / num_reference) / (2 / half) * reference.halves
