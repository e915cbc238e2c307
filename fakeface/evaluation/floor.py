"""The Fréchet distance of real images from real images: no generator can be expected to be below it.

Two disjoint draws from one distribution differ by chance, and the distance includes all of this noise: with n₁ and n₂
images its expectation is about c (1/n₁ + 1/n₂), far above 0. Compare a generator's distance with this floor at the
protocol's own sizes, N samples and N_r real images.

If there are fewer than N + N_r real images, the second draw is the rest of the first one, and the distance is scaled by
(1/N + 1/N_r) / (1/n₁ + 1/n₂), the first-order dependence of its expectation on the sizes.

Real features (M, d) -> one number, in squared units of the features.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fakeface.errors import UserError
from fakeface.evaluation.frechet import frechet_distance, statistics
from fakeface.evaluation.frechet_interval import SAMPLES_PER_DIMENSION, Features

if TYPE_CHECKING:
    from fakeface.evaluation.reference import Reference

DRAWS = 3
_SEED = 20_181_105


def real_floor(real: Features, num_samples: int, num_reference: int) -> float:
    """The mean distance of `num_samples` real images from `num_reference` others, from features (M, d).

    The mean over three random splits of the features, which are the same at every call.

    Args:
        num_reference: the number that the reference has, which may be less than what was requested.

    Raises:
        UserError: too few real images for a draw of `num_samples` and a second one that is no smaller, or as large as
            the reference.
    """
    first, second = num_samples, min(num_reference, len(real) - num_samples)
    if second < min(num_samples, num_reference):
        raise UserError(
            f"{len(real)} real images are too few for two disjoint draws of {num_samples} and "
            f"{min(num_samples, num_reference)}: set evaluation.num_samples to {len(real) // 2} or less, or use more "
            "images"
        )
    scale = (1 / num_samples + 1 / num_reference) / (1 / first + 1 / second)
    random = np.random.default_rng(_SEED)
    distances = np.empty(DRAWS)
    for i in range(DRAWS):
        order = random.permutation(len(real))
        one, other = real[order[:first]], real[order[first : first + second]]
        distances[i] = scale * frechet_distance(statistics(one), statistics(other))
    return float(distances.mean())


@lru_cache(maxsize=8)
def floor_of(reference: "Reference", num_samples: int) -> float:
    """The distance of `num_samples` real images from the reference; computed once for all jobs of a process.

    Where the reference kept fewer than two draws of `num_samples`, its halves are compared and the distance is scaled
    like the bias, with 1/N. This needs 5 images a feature, the smallest number for which it was checked.

    Raises:
        UserError: the reference kept too few images.
    """
    real, num_reference = reference.drawn, reference.features.n
    half = len(real) // 2
    size = min(num_samples, half)
    if size < num_samples and half < SAMPLES_PER_DIMENSION * real.shape[1]:
        raise UserError(f"{len(real)} real images are too few for a floor of {num_samples} samples")
    scale = (1 / num_samples + 1 / num_reference) / (1 / size + 1 / num_reference)
    return scale * real_floor(real, size, num_reference)
