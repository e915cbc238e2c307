"""What samples are: pictures, noise, or a collapse. The outcome `samples` of a training.

Pure functions of pictures. Every threshold is a named constant with its reason; the values come from DCGANs trained on
real faces at 32x32 and 64x64 and from artificial pictures. A quantity that is not a number counts as a failure, and the
evidence says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.evaluation.diversity import duplicate_share, pairwise_distance
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics
from fakeface.evaluation.pixels import Array, Images, check_images, layouts, luminance, thumbnails
from fakeface.evaluation.spectrum import band_excess, radial_spectrum, spectrum_distance
from fakeface.evaluation.subsets import subset
from fakeface.outcomes import Samples

BLANK_LEVELS = 0.5
"""Mean deviation within a picture, in levels of 255, below which it shows nothing: rounding alone gives 0.3."""
MID_GREY = (96.0, 160.0)
"""Mean level of a blank picture of an untrained generator, whose output is near zero; a saturated tanh is outside."""
NOISE_TILT_DB = 8.0
"""Fine above coarse power, against real images: noise and untrained generators have 16 to 25 dB, real images
with noise of 20 levels on top 4 to 7, the first recognisable faces of a training 3, its later ones 0 to 2."""
FAINT_DB = -20.0
"""Coarse power, against real images, of a tenth of their contrast: less is no picture of anything."""
COLLAPSED_DIVERSITY = 0.3
"""Of the real mean pairwise distance: one repeated image has 0, real images blurred to blobs 0.8."""
COLLAPSED_DUPLICATES = 0.3
"""Share of samples with a near twin, above the real images' own share: ten repeated images have 0.9 to 1."""
NOISE_LAYOUT = 0.6
"""Fréchet distance of layouts over the real variance: 64 real images have 0.13, a trained GAN 0.2 to 0.3,
pictures with the real spectrum and random phases 0.7 and more."""
LAYOUT_SAMPLES = 32
"""The layout distance of fewer samples is mostly bias (16 real images: 0.5) and is not used."""
BLURRED_DB = -3.0
"""Fine power, against real images, below which the evidence calls healthy samples blurred."""
_COMPARED_IMAGES = 2_000
"""Real images behind `RealStatistics`: takes a tenth of a second, and the spectrum is known to 0.1 dB."""


@dataclass(frozen=True, eq=False)
class RealStatistics:
    """The real images as a diagnosis sees them: no network is needed."""

    image_size: int
    spectrum: Array
    """Radial spectrum (H/2,) in dB."""
    distance: float
    """Mean pairwise distance of thumbnails, in [0, 1]."""
    duplicates: float
    """Share of real images with a near twin in their group of 64."""
    layout: Statistics
    """Of the layouts (N, 64)."""


@dataclass(frozen=True)
class SampleDiagnosis:
    """What samples are, why, and the numbers behind it (see `measure_samples`)."""

    label: Samples
    evidence: str
    values: dict[str, float]


def real_statistics(images: Images) -> RealStatistics:
    """What samples are compared with, from at most 2,000 of the images (N, H, W, C) uint8, N >= 2.

    Raises:
        UserError: too few images, not square uint8 pictures, or pictures that do not differ.
    """
    check_images(images, least=2)
    some = images[subset(len(images), _COMPARED_IMAGES)]
    small = thumbnails(some)
    distance, layout = pairwise_distance(small), statistics(layouts(some))
    if min(distance, np.trace(layout.covariance)) < 1e-9:  # rounding alone
        raise UserError(
            f"its {len(images)} images are all alike, or each of one colour: at least two different pictures are needed"
        )
    return RealStatistics(
        image_size=images.shape[1],
        spectrum=radial_spectrum(some),
        distance=distance,
        duplicates=duplicate_share(small, distance),
        layout=layout,
    )


@lru_cache(maxsize=4)
def real_statistics_of(images: ImageSet) -> RealStatistics:
    """The same for a prepared data set, which an error names; computed once for all jobs of a process."""
    try:
        return real_statistics(images.images)
    except UserError as error:
        raise UserError(f"{images.source}: {error}") from None


def measure_samples(samples: Images, real: RealStatistics) -> dict[str, float]:
    """The network-free measures of samples (N, H, W, C) uint8, N >= 2.

    spectrum_distance, spectrum_coarse, spectrum_fine (dB), diversity (1: as real images), duplicate_share (0
    to 1), layout (0: as real images; 1: nothing in common), contrast and brightness (levels of 255).

    Raises:
        UserError: too few samples, or not of the real images' size.
    """
    check_images(samples, least=2)
    if samples.shape[1] != real.image_size:
        raise UserError(
            f"samples of {samples.shape[1]} pixels cannot be compared with real images of {real.image_size}"
        )
    spectrum = radial_spectrum(samples)
    coarse, fine = band_excess(spectrum, real.spectrum)
    small, grey = thumbnails(samples), luminance(samples) * 255
    layout = frechet_distance(statistics(layouts(samples)), real.layout)
    return {
        "spectrum_distance": spectrum_distance(spectrum, real.spectrum),
        "spectrum_coarse": coarse,
        "spectrum_fine": fine,
        "diversity": pairwise_distance(small) / real.distance,
        "duplicate_share": duplicate_share(small, real.distance),
        "layout": layout / float(np.trace(real.layout.covariance)),
        "contrast": float(grey.std(axis=(1, 2)).mean()),
        "brightness": float(grey.mean()),
    }


def diagnose_samples(samples: Images, real: RealStatistics, *, diverged: bool = False) -> SampleDiagnosis:
    """Tell apart pictures, noise and collapse among samples (N, H, W, C) uint8, N >= 2 (64 is a good number).

    Blurred pictures are healthy, and the evidence says that they are blurred: their score shows it, and blur is not a
    failure of the training. `diverged` says that the generator returned NaN, which uint8 cannot represent.

    Raises:
        UserError: too few samples, or not of the real images' size.
    """
    values = measure_samples(samples, real)
    if diverged:
        return SampleDiagnosis(Samples.NOISE, "the generator's output is NaN: training diverged", values)
    label, evidence = label_samples(values, len(samples), real.duplicates)
    return SampleDiagnosis(label, evidence, values)


def label_samples(values: Mapping[str, float], n: int, real_duplicates: float) -> tuple[Samples, str]:
    """Label and evidence from the measures of n samples.

    `real_duplicates` is the share of real images with a near twin.
    """
    unknown = sorted(name for name, value in values.items() if not math.isfinite(value))
    if unknown:
        return Samples.NOISE, f"{', '.join(unknown)} not a number: training diverged"
    coarse, fine, diversity = values["spectrum_coarse"], values["spectrum_fine"], values["diversity"]
    if values["contrast"] < BLANK_LEVELS:
        blank = (
            f"blank pictures at level {values['brightness']:.0f} of 255 (contrast {values['contrast']:.2f})"
        )
        if MID_GREY[0] <= values["brightness"] <= MID_GREY[1]:
            return Samples.NOISE, f"{blank}: the generator's output has not left zero"
        return Samples.COLLAPSED, f"{blank}: one repeated image"
    if fine - coarse > NOISE_TILT_DB:
        return Samples.NOISE, (
            f"texture without large shapes (contrast {values['contrast']:.0f} of 255): against real images, "
            f"power is {coarse:+.1f} dB at coarse and {fine:+.1f} dB at fine frequencies "
            f"(noise: more than {NOISE_TILT_DB:.0f} dB apart)"
        )
    if coarse < FAINT_DB:
        return Samples.NOISE, f"hardly any contrast: {coarse:+.1f} dB of the real power at coarse frequencies"
    if diversity < COLLAPSED_DIVERSITY:
        return (
            Samples.COLLAPSED,
            f"samples differ from each other only {diversity:.2f} times as much as real images",
        )
    if values["duplicate_share"] - real_duplicates > COLLAPSED_DUPLICATES:
        return Samples.COLLAPSED, (
            f"{values['duplicate_share']:.0%} of the samples have a near twin among 64 "
            f"(real images: {real_duplicates:.0%})"
        )
    if n >= LAYOUT_SAMPLES and values["layout"] > NOISE_LAYOUT:
        return Samples.NOISE, (
            f"shapes unlike those of the real images: layout distance {values['layout']:.2f} "
            f"(at most {NOISE_LAYOUT} in pictures of the same kind)"
        )
    evidence = (
        f"{diversity:.2f} times the real diversity, spectrum within {values['spectrum_distance']:.1f} dB"
    )
    if fine < BLURRED_DB:
        evidence += f"; blurred: {fine:+.1f} dB of the real power at fine frequencies"
    return Samples.HEALTHY, evidence


def onset_of(labels: Sequence[tuple[int, str]]) -> int:
    """The first step from which the last label applies to the end, from (step, label) in the order of steps.

    Raises:
        ValueError: no labels.
    """
    if not labels:
        raise ValueError("no labels, hence no onset")
    onset, final = labels[-1]
    for step, label in reversed(labels):
        if label != final:
            break
        onset = step
    return onset
