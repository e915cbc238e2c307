"""The registry of measures: what a score consists of. One registered function a measure; imports no torch.

A measure's name carries its protocol: `fid` and `kid` are InceptionV3's, any other extractor's measures end in its
name (`fd_efficientnet_lite0`), and a measure of pixels has no ending.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from fakeface.errors import UserError
from fakeface.measures import Better, Error, Measure
from fakeface.registry import Registry

if TYPE_CHECKING:
    from fakeface.evaluation.reference import Reference

DISTANCE = "fd"
"""Key of the Fréchet distance: the measure that a protocol is named after."""
QUALITY = "quality"
"""What claims and studies call the Fréchet distance, whatever its protocol."""


class Estimate(NamedTuple):
    """What a measure says of one set of samples, and how far chance reaches where that is known."""

    value: float
    error: float | None = None
    """Standard error."""
    low: float | None = None
    """Ends of the 95% interval."""
    high: float | None = None


class ScoredSamples:
    """The samples of one generator, as a measure sees them.

    Args:
        features: (N, d). NaN throughout where the generator diverged.
        final: whether this is the score at the training's end, which may take a second or two.
        make_images: makes the pictures (N, H, W, C) uint8; called when a measure first reads `images`.
    """

    def __init__(
        self,
        features: npt.NDArray[np.floating],
        *,
        final: bool,
        make_images: Callable[[], npt.NDArray[np.uint8]],
    ) -> None:
        self.features, self.final, self._make_images = features, final, make_images

    @cached_property
    def images(self) -> npt.NDArray[np.uint8]:
        """The pictures (N, H, W, C)."""
        return self._make_images()


Compute = Callable[[ScoredSamples, "Reference"], "Estimate | float"]
"""(samples, reference) -> the number. Raises UserError where it cannot be known, which leaves it out."""


@dataclass(frozen=True)
class ScoreMeasure:
    """A registered measure."""

    key: str
    """Its name without a protocol: `fd`, `precision`."""
    compute: Compute
    heading: str
    better: Better
    unit: str
    error: Error
    claimable: bool
    every_score: bool
    inception: str | None
    of_pixels: bool

    def record(self, metric: str) -> Measure:
        """What it is under the protocol whose Fréchet distance is called `metric`."""
        return Measure(
            self._name(metric), self.heading, self.better, self.unit, self.error, claimable=self.claimable
        )

    def values(self, metric: str, found: "Estimate | float") -> dict[str, float]:
        """The estimate's numbers by the names under which they are journaled."""
        record = self.record(metric)
        estimate = found if isinstance(found, Estimate) else Estimate(float(found))
        named = {
            record.name: estimate.value,
            record.standard_error: estimate.error,
            record.low: estimate.low,
            record.high: estimate.high,
        }
        return {name: float(value) for name, value in named.items() if value is not None}

    def _name(self, metric: str) -> str:
        if self.key == DISTANCE:
            return metric
        if self.of_pixels:
            return self.key
        features = "inception" if metric == "fid" else metric.removeprefix(f"{DISTANCE}_")
        if features == "inception" and self.inception is not None:
            return self.inception
        stem, _, rest = self.key.partition("_")
        if stem == DISTANCE:  # a further number of the distance: `fid_infinity`
            return f"{metric}_{rest}"
        return f"{self.key}_{features}"


class MeasureRegistry(Registry[ScoreMeasure]):
    """Measures by key, in the order in which a score computes them."""

    def register(  # type: ignore[override]
        self,
        name: str,
        *,
        heading: str,
        better: Better,
        unit: str = "",
        error: Error = Error.NONE,
        claimable: bool = True,
        every_score: bool = False,
        inception: str | None = None,
        of_pixels: bool = False,
    ) -> Callable[[Compute], Compute]:
        """Decorator: make `(samples, reference) -> number` part of every score.

        Args:
            name: the key, without a protocol.
            every_score: compute it at each score; by default only at the last one of a training.
            inception: its established name in InceptionV3's features, where it has one (`kid`).
            of_pixels: it reads `samples.images`, so that no extractor belongs to its name.

        Raises:
            ValueError: the name is taken.
        """
        add = super().register(name)

        def added(compute: Compute) -> Compute:
            add(
                ScoreMeasure(
                    name, compute, heading, better, unit, error, claimable, every_score, inception, of_pixels
                )
            )
            return compute

        return added


MEASURES = MeasureRegistry("measure")


def records(metric: str) -> dict[str, Measure]:
    """Every registered measure under the protocol whose Fréchet distance is `metric`, by key."""
    return {key: MEASURES[key].record(metric) for key in MEASURES}


def score(samples: ScoredSamples, reference: "Reference") -> dict[str, float]:
    """Every registered measure of some samples, by the names under which they are journaled.

    What a measure refuses (an interval from fewer than 5 samples a feature, say) is left out; the others are computed
    all the same.
    """
    values: dict[str, float] = {}
    for key in MEASURES:
        measure = MEASURES[key]
        if samples.final or measure.every_score:
            with suppress(UserError):
                values |= measure.values(reference.metric, measure.compute(samples, reference))
    return values
