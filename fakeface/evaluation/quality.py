"""The measures of quality, one registered function each. The formulas are in the files that they call.

NaN features give NaN.
"""

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from fakeface.errors import UserError
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.floor import floor_of
from fakeface.evaluation.frechet import frechet_distance, statistics
from fakeface.evaluation.frechet_interval import Features, frechet_interval
from fakeface.evaluation.kernel_distance import kernel_distance
from fakeface.evaluation.measures import DISTANCE, FLOOR, MEASURES, ScoredSamples
from fakeface.evaluation.precision_recall import PrecisionRecall, precision_recall
from fakeface.evaluation.subsets import subset
from fakeface.measures import Better, Error, Estimate, Scale

if TYPE_CHECKING:
    from fakeface.evaluation.reference import Reference

MOST_COMPARED = 5_000
"""The most samples, and real images, behind a measure that compares all pairs: 50,000 would take minutes.
The first ones are used, which are as random as any others."""


@MEASURES.register(
    DISTANCE,
    heading="Fréchet distance",
    better=Better.LOWER,
    error=Error.INTERVAL,
    scale=Scale.LOG,
    every_score=True,
)
def distance(samples: ScoredSamples, reference: "Reference") -> Estimate:
    """The Fréchet distance, at the end with the interval of its sampling noise."""
    found = Estimate(frechet_distance(statistics(samples.features), reference.features))
    if samples.final:
        with suppress(UserError):
            found = frechet_interval(samples.features, reference.features)._replace(value=found.value)
    return found


@MEASURES.register(
    "fd_infinity", heading="at N = ∞", better=Better.LOWER, error=Error.STANDARD, scale=Scale.SIGNED
)
def distance_at_infinity(samples: ScoredSamples, reference: "Reference") -> Estimate:
    """The Fréchet distance that infinitely many samples would have."""
    return extrapolate(samples.features, reference.features)


@MEASURES.register(
    "kd",
    heading="kernel distance",
    better=Better.LOWER,
    error=Error.STANDARD,
    scale=Scale.SIGNED,
    inception="kid",
)
def kernel(samples: ScoredSamples, reference: "Reference") -> Estimate:
    """The kernel distance; KID in InceptionV3's features."""
    return kernel_distance(*_compared(samples, reference))


@MEASURES.register("precision", heading="precision", better=Better.HIGHER)
def precision(samples: ScoredSamples, reference: "Reference") -> float:
    """Share of the samples that look real."""
    return _precision_recall(samples, reference).precision


@MEASURES.register("recall", heading="recall", better=Better.HIGHER)
def recall(samples: ScoredSamples, reference: "Reference") -> float:
    """Share of the real images that could be samples."""
    return _precision_recall(samples, reference).recall


@MEASURES.register(FLOOR, heading="floor", better=Better.NEITHER, claimable=False)
def floor(samples: ScoredSamples, reference: "Reference") -> float:
    """The Fréchet distance that as many real images have from the reference."""
    return floor_of(reference, len(samples.features))


def _compared(samples: ScoredSamples, reference: "Reference") -> tuple[Features, Features]:
    some = samples.features[:MOST_COMPARED]
    return some, reference.drawn[subset(len(reference.drawn), len(some))]


@lru_cache(maxsize=1)  # two measures share it
def _precision_recall(samples: ScoredSamples, reference: "Reference") -> PrecisionRecall:
    some, real = _compared(samples, reference)
    return precision_recall(some[: len(real)], real)
