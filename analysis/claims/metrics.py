"""The metrics of claims: a registered measure at the end of a training, or a summary of a series that it logged.

Both come from the records of what is measured and logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from ablations.spec.layers import unknown
from analysis.statistics.convergence import MIN_POINTS, convergence
from fakeface.evaluation.measures import DISTANCE, MEASURES, QUALITY
from fakeface.gan.series import SERIES
from fakeface.measures import Better, Measure, Scale

Summary = Literal["", "converged", "oscillation", "steps-to-converge", "final", "median", "reached"]
"""How a series becomes one number; "" for a measure, which is one."""

_WORDS: Mapping[str, str] = {
    "converged": "the converged {}",
    "oscillation": "the oscillation of {}",
    "steps-to-converge": "the step at which {} has converged",
    "final": "{} at the last step",
    "median": "the median {}",
}
_SUMMARIES: tuple[Summary, ...] = ("converged", "oscillation", "steps-to-converge", "final", "median")
_IN_STEPS = ("steps-to-converge", "reached")


@dataclass(frozen=True)
class Metric:
    """One number of a training."""

    summary: Summary
    of: str
    """`quality` or the key of another registered measure, or the name of a logged series."""
    threshold: float | None = None
    """Of `reached`: the first step at which it is on that side of the threshold."""
    side: Literal["below", "above"] | None = None

    @property
    def key(self) -> str | None:
        """Key of the registered measure; None for a series."""
        key = DISTANCE if self.of == QUALITY else self.of
        return key if key in MEASURES else None

    @property
    def better(self) -> Better:
        """On which side a training that diverged ranks last."""
        if self.summary in _IN_STEPS:
            return Better.LOWER
        return self._record.better

    @property
    def scale(self) -> Scale:
        """On which scale its values are compared."""
        return Scale.LINEAR if self.summary in _IN_STEPS else self._record.scale

    @property
    def _record(self) -> Measure:
        return MEASURES[self.key].record if self.key else SERIES[self.of]

    @property
    def words(self) -> str:
        """ "the converged Loss_D", for a sentence or an axis."""
        name = self.of
        if self.key is not None:
            name = f"the {self._record.heading if self.key == DISTANCE else self.key}"
        if self.summary == "reached":
            return f"the step at which {name} is first {self.side} {self.threshold}"
        return _WORDS.get(self.summary, "{}").format(name)

    def axis(self, quality: str) -> str:
        """The name of an axis of its values; `quality` names the Fréchet distance with its N."""
        if (self.summary, self.of) == ("", QUALITY):
            return quality
        unit = "" if self.summary in _IN_STEPS else self._record.unit
        return f"{self.words} ({unit})" if unit else self.words

    def __str__(self) -> str:
        if self.summary == "reached":
            sign = "≤" if self.side == "below" else "≥"
            return f"steps until {self.of} {sign} {self.threshold:g}"
        return f"{self.summary} {self.of}".strip()


def parse_metric(text: str) -> Metric:
    """The metric that a claim names. Raises ValueError, whose message names the nearest."""
    measures, series = claimable()
    if text in measures:
        return Metric("", text)
    summary, _, of = text.partition(" ")
    known = next((one for one in _SUMMARIES if one == summary), None)
    if known is None:
        words = unknown("summary", summary, [*measures, *_SUMMARIES])
        raise ValueError(
            f"{words}: a metric is a measure such as `{QUALITY}`, or a summary and what is logged, such as "
            f"`{_SUMMARIES[0]} {series[0]}`"
        )
    if of not in series:
        raise ValueError(unknown("logged metric", of, series))
    return Metric(known, of)


def parse_reached(text: str) -> str:
    """What reaches a threshold: a measure or a logged series. Raises ValueError."""
    measures, series = claimable()
    if text not in (*measures, *series):
        raise ValueError(unknown("logged metric", text, [*measures, *series]))
    return text


def claimable() -> tuple[list[str], list[str]]:
    """The measures and the logged series that a claim may name."""
    measures = [QUALITY, *(key for key in MEASURES if key != DISTANCE and MEASURES[key].record.claimable)]
    return measures, [name for name, record in SERIES.items() if record.claimable]


def _checked(text: str) -> str:
    parse_metric(text)
    return text


MetricField = Annotated[str, AfterValidator(_checked)]
"""A field that names a metric."""
ReachedField = Annotated[str, AfterValidator(parse_reached)]
"""A field that names what reaches a threshold."""


def summed_up(metric: Metric, steps: npt.NDArray[Any], values: npt.NDArray[Any]) -> float | str:
    """The summary of a series (n,), n >= 1, or why there is none."""
    if metric.summary == "final":
        return float(values[-1])
    if metric.summary == "median":
        return float(np.median(values))
    if len(values) < MIN_POINTS:
        return f"too short: {len(values)} points of {metric.of}, where a level needs {MIN_POINTS}"
    found = convergence(steps, values)
    summaries = {
        "converged": found.level, "oscillation": found.oscillation, "steps-to-converge": found.settled_at
    }  # fmt: skip
    return summaries[metric.summary]
