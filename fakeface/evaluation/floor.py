"""The Fréchet distance that real images have from real images: what no generator can be expected to beat.

Two disjoint draws of the same distribution differ by chance, and the distance of their covariances counts all of
it: with n₁ and n₂ images the expectation is about c (1/n₁ + 1/n₂), far above 0. A generator's distance is to be
read against this floor at the protocol's own sizes, N samples against N_r real images.

Where there are fewer than N + N_r real images, the second draw is what the first one leaves, and the distance is
scaled by (1/N + 1/N_r) / (1/n₁ + 1/n₂), which is its expectation's dependence on the sizes to first order.

Real features (M, d) -> one number, in squared units of the features.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Floor:
    """The mean real-vs-real distance at the protocol's sizes."""

    value: float
    spread: float
    """Standard deviation of one distance over the draws."""
    drawn: tuple[int, int]
    """Images in each of the two draws; other than the protocol's sizes where `value` was scaled to them."""


def real_floor(real: Features, num_samples: int, num_reference: int, *, draws: int = DRAWS) -> Floor:
    """The floor under distances of `num_samples` samples from `num_reference` real images, from features (M, d).

    Each of the `draws` (at least 2) splits the features anew; the splits are the same at every call.

    Args:
        num_reference: as many as the reference really has, not as were asked for.

    Raises:
        UserError: too few real images for a draw of `num_samples` and a second one no smaller, or as large as
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
    distances = np.empty(draws)
    for i in range(draws):
        order = random.permutation(len(real))
        one, other = real[order[:first]], real[order[first : first + second]]
        distances[i] = scale * frechet_distance(statistics(one), statistics(other))
    return Floor(float(distances.mean()), float(distances.std(ddof=1)), (first, second))


@lru_cache(maxsize=8)
def floor_of(reference: "Reference", num_samples: int) -> float:
    """The distance of `num_samples` real images from the reference; computed once for all jobs of a process.

    Where two draws of `num_samples` are more than the reference kept, its halves are compared and the distance is
    scaled as the bias goes, with 1/N: only from 5 images a feature on, as far down as that was checked.

    Raises:
        UserError: the reference kept too few images.
    """
    real, num_reference = reference.drawn, reference.features.n
    half = len(real) // 2
    size = min(num_samples, half)
    if size < num_samples and half < SAMPLES_PER_DIMENSION * real.shape[1]:
        raise UserError(f"{len(real)} real images are too few for a floor of {num_samples} samples")
    scale = (1 / num_samples + 1 / num_reference) / (1 / size + 1 / num_reference)
    return scale * real_floor(real, size, num_reference).value
