"""All that is said of a generator's samples at the end of a training, by name; each measure has its own file.

What a measure refuses (an interval of fewer than 5 samples a feature, say) is left out, and the others come all the
same. NaN features give NaN.

Features (N, d) and a `Reference` -> {name: number}.
"""

from contextlib import suppress

import numpy as np
import torch
from torch import Tensor, nn

from fakeface.errors import UserError
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.features import Extractor
from fakeface.evaluation.floor import real_floor
from fakeface.evaluation.frechet_interval import SAMPLES_PER_DIMENSION, Features, frechet_interval
from fakeface.evaluation.kernel_distance import kernel_distance
from fakeface.evaluation.measures import quality_names
from fakeface.evaluation.precision_recall import precision_recall
from fakeface.evaluation.reference import Reference, draw
from fakeface.gan import training

MOST_COMPARED = 5_000
"""Samples, and as many real images, behind what compares every one with every other: 50,000 would take minutes."""


def sample_features(generator: nn.Module, z: Tensor, extractor: Extractor) -> Features:
    """Features (N, d) of the images that a generator makes of latent vectors z (N, latent_dim).

    NaN throughout where the generator's state is not finite: its pictures are black, which is no score of anything.
    """
    features = extractor(training.generate(generator, z))
    if not all(torch.isfinite(tensor).all() for tensor in generator.state_dict().values()):
        features[:] = np.nan
    return features


def measure_quality(features: Features, reference: Reference) -> dict[str, float]:
    """Interval, extrapolation, kernel distance, precision and recall of samples (N, d), by `quality_names`.

    The last three of at most 5,000 samples and as many real images: the first ones, which are a draw like any other.
    """
    names = quality_names(reference.metric)
    some = features[:MOST_COMPARED]
    real = reference.drawn[draw(len(reference.drawn), len(some))]
    values: dict[str, float] = {}
    with suppress(UserError):
        interval = frechet_interval(features, reference.features)
        values |= {names.low: interval.low, names.high: interval.high}
    with suppress(UserError):
        limit = extrapolate(features, reference.features)
        values |= {names.infinity: limit.value, names.infinity_error: limit.standard_error}
    with suppress(UserError):
        kernel = kernel_distance(some, real)
        values |= {names.kernel: kernel.value, names.kernel_error: kernel.standard_error}
    with suppress(UserError):
        shares = precision_recall(some[: len(real)], real)
        values |= {names.precision: shares.precision, names.recall: shares.recall}
    return values


def floor_of(reference: Reference, num_samples: int) -> dict[str, float]:
    """The distance of `num_samples` real images from the reference, by its name; empty where it cannot be told.

    Where two draws of `num_samples` are more than the reference kept, its halves are compared and the distance is
    scaled as the bias goes, with 1/N: done only from 5 images a feature on, as far down as that was checked.
    """
    real, num_reference = reference.drawn, reference.features.n
    half = len(real) // 2
    size = min(num_samples, half)
    if size < num_samples and half < SAMPLES_PER_DIMENSION * real.shape[1]:
        return {}
    scale = (1 / num_samples + 1 / num_reference) / (1 / size + 1 / num_reference)
    return {quality_names(reference.metric).floor: scale * real_floor(real, size, num_reference).value}
