"""What samples are: pictures, noise, or a collapse. The outcome `samples` of a training.

Pure functions of pictures. The limits come from the real images (`fakeface.evaluation.calibration`).
`python -m benchmarks.diagnosis` measures how often the word is right, on many kinds of picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fakeface.errors import UserError
from fakeface.evaluation.calibration import RealStatistics, clipped_share, contrast
from fakeface.evaluation.diversity import coverage, pairwise_distance, shape_distance
from fakeface.evaluation.noise import geary_c
from fakeface.evaluation.pixels import Images, check_images, layouts
from fakeface.evaluation.spectrum import band_excess, radial_spectrum, spectrum_distance
from fakeface.outcomes import Samples

BLANK_LEVELS = 0.5
"""Contrast, in levels of 255, below which a picture shows nothing: rounding alone gives 0.3."""
FAINT = 0.1
"""Share of the real contrast below which pictures show nothing."""
GREY_LEVELS = 32.0
"""Levels of 255 that each channel of an untrained generator, whose output is near zero, is at most off mid-grey; a
saturated one is further off, and so are most plain pictures."""
NOISE_SHARE = 0.25
"""Share of samples that are noise, above which all are called so: of the real images at most one in a hundred is."""
BLURRED_DB = -3.0
"""Fine power, against real images, below which the evidence calls healthy samples blurred."""
SATURATED_SHARE = 0.2
"""Share of values that are 0 or 255, above the real one, from which the evidence calls healthy samples saturated."""


@dataclass(frozen=True)
class SampleDiagnosis:
    """What samples are, why, and the numbers behind it (see `measure_samples`)."""

    label: Samples
    evidence: str
    values: dict[str, float]


def measure_samples(samples: Images, real: RealStatistics) -> dict[str, float]:
    """The network-free measures of samples (N, H, W, C) uint8, where N is the number that `real` is for.

    spectrum_distance, spectrum_coarse, spectrum_fine (dB), noise_share (0 to 1), diversity, shape_distance and
    coverage (1: as real images), contrast (levels of 255), off_grey (levels by which the mean of a channel is off
    mid-grey), clipped (share of values at 0 or 255).

    Raises:
        UserError: samples of another number or size than `real` is for.
    """
    check_images(samples, least=2)
    if samples.shape[1] != real.image_size:
        raise UserError(
            f"samples of {samples.shape[1]} pixels cannot be compared with real images of {real.image_size}"
        )
    if len(samples) != real.num_samples:
        raise UserError(
            f"{len(samples)} samples cannot be judged by limits for {real.num_samples}: compute the statistics of the "
            f"real images for {len(samples)}"
        )
    spectrum, small = radial_spectrum(samples), layouts(samples)
    coarse, fine = band_excess(spectrum, real.spectrum)
    return {
        "spectrum_distance": spectrum_distance(spectrum, real.spectrum),
        "spectrum_coarse": coarse,
        "spectrum_fine": fine,
        "noise_share": float(np.mean(geary_c(samples) > real.limits.noise)),
        "diversity": pairwise_distance(small) / real.diversity,
        "shape_distance": shape_distance(small, real.layouts) / real.shape_distance,
        "coverage": coverage(small, real.divisions) / real.coverage,
        "contrast": contrast(samples),
        "off_grey": float(np.abs(samples.mean(axis=(0, 1, 2)) - 127.5).max()),
        "clipped": clipped_share(samples),
    }


def diagnose_samples(samples: Images, real: RealStatistics) -> SampleDiagnosis:
    """Tell apart pictures, noise and collapse among samples (N, H, W, C) uint8, where N is the number `real` is for.

    Blurred or saturated pictures are healthy, and the evidence says what they are: their score shows it, and neither is
    a failure of the training.

    Raises:
        UserError: samples of another number or size than `real` is for.
    """
    values = measure_samples(samples, real)
    return SampleDiagnosis(*_label(values, real), values)


def _label(values: Mapping[str, float], real: RealStatistics) -> tuple[Samples, str]:
    limits = real.limits
    if values["contrast"] < max(BLANK_LEVELS, FAINT * real.contrast):
        blank = (
            f"blank pictures: a contrast of {values['contrast']:.2g} levels of 255 (real images: {real.contrast:.2g}), "
            f"{values['off_grey']:.0f} levels off mid-grey"
        )
        if values["off_grey"] <= GREY_LEVELS:
            return Samples.NOISE, f"{blank}: the generator's output has not left zero"
        return Samples.COLLAPSED, f"{blank}: one repeated image"
    # Each sample is judged alone here, so a repeated real image is no noise, and noise has no variety to be judged.
    if values["noise_share"] > NOISE_SHARE:
        return Samples.NOISE, (
            f"{values['noise_share']:.0%} of the samples are texture without shapes: their neighbouring pixels differ "
            "nearly as much as any two, unlike in 99% of the real images"
        )
    if values["diversity"] < limits.diversity:
        return Samples.COLLAPSED, (
            f"samples differ from each other only {values['diversity']:.2f} times as much as real images "
            f"(collapsed: below {limits.diversity:.2f})"
        )
    if values["shape_distance"] > limits.shape_distance:
        return Samples.NOISE, (
            f"shapes unlike those of the real images: {values['shape_distance']:.2f} times as far from the nearest "
            f"real image as other real images are (unlike: above {limits.shape_distance:.2f})"
        )
    if values["coverage"] < limits.coverage:
        return Samples.COLLAPSED, (
            f"samples cover only {values['coverage']:.2f} times as much of the kinds of real images as real images do "
            f"(collapsed: below {limits.coverage:.2f})"
        )
    evidence = (
        f"{values['diversity']:.2f} times the real diversity and {values['coverage']:.2f} times the real coverage, "
        f"spectrum within {values['spectrum_distance']:.1f} dB"
    )
    if not math.isfinite(limits.noise):
        evidence += "; noise is not told apart: some of the real images are as rough"
    if values["spectrum_fine"] < BLURRED_DB:
        evidence += f"; blurred: {values['spectrum_fine']:+.1f} dB of the real power at fine frequencies"
    if values["clipped"] > real.clipped + SATURATED_SHARE:
        clipped = f"{values['clipped']:.0%} of the values are 0 or 255 (real images: {real.clipped:.0%})"
        evidence += f"; saturated: {clipped}"
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
