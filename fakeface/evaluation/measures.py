"""The registry of measures: what a score consists of. One registered function a measure; imports no torch.

A measure's name carries its protocol: `fid` and `kid` are InceptionV3's, any other extractor's measures end in its
name (`fd_efficientnet_lite0`), and a measure of pixels has no ending. Scores along a run have fewer samples than the
one at its end, so their names also end in the number: `fid_n2560`.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakeface.errors import UserError
from fakeface.measures import Better, Error, Estimate, Measure, Scale
from fakeface.registry import Registry

if TYPE_CHECKING:
    from fakeface.evaluation.reference import Reference

DISTANCE = "fd"
"""Key of the Fréchet distance: the measure that a protocol is named after."""
FID = "fid"
"""Its name in InceptionV3's features."""
FLOOR = "floor"
"""Key of the distance that as many real images have: no generator can be expected to beat it."""
QUALITY = "quality"
"""What claims and studies call the Fréchet distance, whatever its protocol."""
_SAMPLES = re.compile(r"_n[0-9]+$")
"""How a metric's name ends at the scores along a run."""


def curve_metric(metric: str, num_samples: int) -> str:
    """The name of a protocol's Fréchet distance at the scores along a run: `fid_n2560`."""
    return f"{metric}_n{num_samples}"


class ScoredSamples:
    """The samples of one generator, as a measure sees them.

    Args:
        features: (N, d). NaN throughout where the generator diverged.
        final: whether this is the score at the end of a training, which may take a second or two, and not one along
            the run.
        make_images: returns the pictures (N, H, W, C) uint8; called when a measure first reads `images`.
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


Compute = Callable[[ScoredSamples, "Reference"], Estimate | float]
"""(samples, reference) -> the number. Raises UserError where it cannot be estimated; the score then lacks it."""


@dataclass(frozen=True)
class ScoreMeasure:
    """A registered measure: its record, named by its key, and the function that computes it."""

    record: Measure
    compute: Compute
    every_score: bool
    inception: str | None
    of_pixels: bool

    def under(self, metric: str) -> Measure:
        """Its record under the protocol whose Fréchet distance is called `metric`."""
        return replace(self.record, name=self._name(metric))

    def values(self, samples: ScoredSamples, reference: "Reference") -> dict[str, float]:
        """Compute it: the value and the error that the record promises, by the names under which they are journaled.

        Raises:
            UserError: it cannot be estimated from these samples.
        """
        record = self.under(reference.metric)
        found = self.compute(samples, reference)
        estimate = found if isinstance(found, Estimate) else Estimate(found)
        named: dict[str, float | None] = {record.name: estimate.value}
        if record.error == Error.STANDARD:
            named[record.standard_error] = estimate.error
        elif record.error == Error.INTERVAL:
            named |= {record.low: estimate.low, record.high: estimate.high}
        return {name: float(value) for name, value in named.items() if value is not None}

    def _name(self, metric: str) -> str:
        samples = _SAMPLES.search(metric)
        if samples is not None:
            return self._name(metric[: samples.start()]) + samples[0]
        key = self.record.name
        if key == DISTANCE:
            return metric
        if self.of_pixels:
            return key
        features = "inception" if metric == FID else metric.removeprefix(f"{DISTANCE}_")
        if features == "inception" and self.inception is not None:
            return self.inception
        if key.startswith(f"{DISTANCE}_"):  # a further number of the distance: `fid_infinity`
            return metric + key.removeprefix(DISTANCE)
        return f"{key}_{features}"


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
        scale: Scale = Scale.LINEAR,
        every_score: bool = False,
        inception: str | None = None,
        of_pixels: bool = False,
    ) -> Callable[[Compute], Compute]:
        """Decorator: make `(samples, reference) -> number` part of every score.

        Args:
            name: the key, without a protocol.
            every_score: compute it at the scores along a run too; by default only at the one at its end.
            inception: its established name in InceptionV3's features, where it has one (`kid`).
            of_pixels: it reads `samples.images`, so that no extractor belongs to its name.

        Raises:
            ValueError: the name is taken.
        """
        record = Measure(name, heading, better, unit, error, claimable, scale)
        add = super().register(name)

        def added(compute: Compute) -> Compute:
            add(ScoreMeasure(record, compute, every_score, inception, of_pixels))
            return compute

        return added

    def definition(self, name: str) -> object:
        """The function that computes a measure."""
        return self[name].compute


MEASURES = MeasureRegistry("measure")


def records(metric: str) -> dict[str, Measure]:
    """Every registered measure under the protocol whose Fréchet distance is `metric`, by key."""
    return {key: MEASURES[key].under(metric) for key in MEASURES}


def score(samples: ScoredSamples, reference: "Reference") -> dict[str, float]:
    """Every registered measure of some samples, by the names under which they are journaled.

    A measure that raises UserError (an extrapolation from fewer than 5 samples a feature, say) is left out.
    """
    values: dict[str, float] = {}
    for key in MEASURES:
        measure = MEASURES[key]
        if samples.final or measure.every_score:
            with suppress(UserError):
                values |= measure.values(samples, reference)
    return values
