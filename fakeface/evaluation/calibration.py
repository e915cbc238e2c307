"""The real images as a diagnosis of samples sees them, and the limits that follow from them.

What tells pictures from noise or from a collapse differs between faces, textures and line drawings. So each limit comes
from the data set itself. Some real images are held out as if they were samples and compared with the others, and so is
what a failure would make of them. A limit is halfway between the two, or further from the real images where that is
needed to leave every draw of real images inside. Where even the failure is inside, the limit is never passed: few
images, or images that are noise themselves, do not show what a failure is.

The draws have the number of samples of the diagnosis, and are drawn with replacement where half of the real images are
fewer: a generator that has learned 24 images by heart has not collapsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.evaluation.diversity import Cells, coverage, divide, pairwise_distance, shape_distance
from fakeface.evaluation.noise import geary_c, random_phases, white_noise
from fakeface.evaluation.pixels import Array, Images, check_images, layouts, luminance
from fakeface.evaluation.spectrum import radial_spectrum
from fakeface.evaluation.subsets import subset

DIAGNOSIS_SAMPLES = 256
"""Samples of each diagnosis: enough for its limits, and a fraction of a second to generate."""
LIKE_REAL = 1.6
"""Times the real shape distance that is still alike: trained DCGANs that make recognisable faces have 1.2 to 1.5, those
that make blotches 1.7 to 1.8."""
TWINS = 0.05
"""Shape distance within which two pictures are the same: faint noise on a picture makes 0.02 to 0.04."""
DRAWS = 12
"""Draws of held-out real images."""
COMPARED_IMAGES = 2_000
"""Real images behind the statistics, which take half a second."""
_FAILURES = 256
"""Pictures of each failure."""
_SEED = 20_120_923


@dataclass(frozen=True)
class Limits:
    """Beyond which samples are noise or a collapse. The last three are ratios to what real images have."""

    noise: float
    """Geary's C above which one sample is noise."""
    diversity: float
    """Below it, a collapse."""
    shape_distance: float
    """Above it, shapes unlike the real ones."""
    coverage: float
    """Below it, a collapse."""


@dataclass(frozen=True, eq=False)
class RealStatistics:
    """The real images as a diagnosis sees them: no network is needed."""

    image_size: int
    num_samples: int
    """The number of samples that the limits are for."""
    spectrum: Array
    """Radial spectrum (H/2,) in dB."""
    contrast: float
    """Mean deviation within an image, in levels of 255."""
    clipped: float
    """Share of values that are 0 or 255."""
    layouts: Array
    """(M, 64)."""
    divisions: tuple[Cells, ...]
    diversity: float
    shape_distance: float
    """Mean over the draws of held-out images (see `fakeface.evaluation.diversity`), as is the coverage."""
    coverage: float
    limits: Limits


def real_statistics(images: Images, num_samples: int = DIAGNOSIS_SAMPLES) -> RealStatistics:
    """What `num_samples` samples are compared with, from at most 2,000 of the images (M, H, W, C) uint8, M >= 2.

    Raises:
        UserError: too few images, not square uint8 pictures, or pictures that do not differ.
    """
    check_images(images, least=2)
    some = images[subset(len(images), COMPARED_IMAGES)]
    real = layouts(some)
    diversity = pairwise_distance(real)
    if diversity < 1e-9:  # rounding alone
        raise UserError(
            f"its {len(images)} images are all alike, or each of one colour: at least two different pictures are needed"
        )
    random = np.random.default_rng(_SEED)
    draws = np.array([_measure_draw(real, num_samples, random) for _ in range(DRAWS)])
    distance, covered = max(TWINS, float(draws[:, 1].mean())), float(draws[:, 2].mean())
    shapeless = shape_distance(layouts(random_phases(some[:_FAILURES], random)), real)
    return RealStatistics(
        image_size=images.shape[1],
        num_samples=num_samples,
        spectrum=radial_spectrum(some),
        contrast=contrast(some),
        clipped=clipped_share(some),
        layouts=real,
        divisions=divide(real, random),
        diversity=diversity,
        shape_distance=distance,
        coverage=covered,
        limits=Limits(
            noise=_noise_limit(some, random),
            diversity=min(0.5, float(draws[:, 0].min()) / diversity),
            shape_distance=max(
                LIKE_REAL, (1 + shapeless / distance) / 2, float(draws[:, 1].max()) / distance
            ),
            coverage=min(0.5, float(draws[:, 2].min()) / covered),
        ),
    )


@lru_cache(maxsize=4)
def real_statistics_of(images: ImageSet) -> RealStatistics:
    """The same of a prepared data set, which an error names; computed once for all jobs of a process."""
    try:
        return real_statistics(images.images)
    except UserError as error:
        raise UserError(f"{images.source}: {error}") from None


def contrast(images: Images) -> float:
    """Mean deviation of the luminance within an image, in levels of 255."""
    return float(luminance(images).std(axis=(1, 2)).mean() * 255)


def clipped_share(images: Images) -> float:
    """Share of values that are 0 or 255."""
    return float(np.mean((images == 0) | (images == 255)))


def _measure_draw(real: Array, num_samples: int, random: np.random.Generator) -> Sequence[float]:
    """Diversity, shape distance and coverage of real layouts that are held out from the others."""
    order = random.permutation(len(real))
    held_out, others = np.split(real[order], [min(num_samples, len(real) // 2)])
    if len(held_out) < num_samples:
        held_out = held_out[random.integers(0, len(held_out), num_samples)]
    return (
        pairwise_distance(held_out),
        shape_distance(held_out, others),
        coverage(held_out, divide(others, random)),
    )


def _noise_limit(real: Images, random: np.random.Generator) -> float:
    """Halfway from the roughest real images to white noise; infinite where those are as rough."""
    roughest = np.quantile(geary_c(real), 0.99)
    noise = np.quantile(geary_c(white_noise(real[:_FAILURES], random)), 0.01)
    return float((roughest + noise) / 2) if roughest < noise else np.inf
