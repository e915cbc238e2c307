"""The metrics of claims: a registered measure at the end of a training or along it, or a summary of a logged series.

All come from the records of what is measured and logged. Those that name a step look at nothing after it, so that a
longer training has the same value.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from ablations.spec.layers import unknown
from analysis.statistics.levels import MIN_POINTS, level_of
from analysis.wording import number, percent
from fakeface.evaluation.measures import DISTANCE, MEASURES, QUALITY
from fakeface.gan.series import SERIES
from fakeface.measures import Better, Measure, Scale
from fakeface.scores import ScoreKind

Summary = Literal["", "best", "area", "reached", "at", "converged", "oscillation", "final", "median"]
"""How a training becomes one number. "" is a measure at its end; `best` and `area` are of a measure along the run, `at`
and those after it of a logged series, `reached` of either."""

WINDOW = 20
"""Logged values behind the median that stands for a series at a step: single steps of a GAN are far off."""
_WORDS: Mapping[str, str] = {
    "best": "the best {} along the run",
    "area": "the mean {} along the run",
    "converged": "the converged {}",
    "oscillation": "the oscillation of {}",
    "final": "{} at the last step",
    "median": "the median {}",
}
_ALONG: tuple[Summary, ...] = ("best", "area")
_OF_SERIES: tuple[Summary, ...] = ("converged", "oscillation", "final", "median")
_AT = re.compile(r"(.+) at ([0-9]+)")
_WITHDRAWN = "steps-to-converge"


@dataclass(frozen=True)
class Metric:
    """One number of a training."""

    summary: Summary
    of: str
    """`quality` or the key of another registered measure, or the name of a logged series."""
    step: int | None = None
    """Of `at`, `best` and `area`: what is known by this step. None: at the end."""
    threshold: float | None = None
    """Of `reached`: the first step at which it is on that side of the threshold."""
    side: Literal["below", "above"] | None = None
    untrained: str = ""
    """Of `reached`: the run whose generators' mean before the first step the threshold is a share of."""

    @property
    def key(self) -> str | None:
        """Key of the registered measure; None for a series."""
        key = DISTANCE if self.of == QUALITY else self.of
        return key if key in MEASURES else None

    @property
    def scores(self) -> ScoreKind | None:
        """The kind of scores that it reads; None for a series."""
        if self.key is None:
            return None
        return ScoreKind.CURVE if self.summary else ScoreKind.FINAL

    @property
    def better(self) -> Better:
        """On which side a training that diverged ranks last."""
        return Better.LOWER if self.summary == "reached" else self.record.better

    @property
    def scale(self) -> Scale:
        """On which scale its values are compared."""
        return Scale.SIGNED if self.summary == "reached" else self.record.scale

    @property
    def record(self) -> Measure:
        """Of the measure or series."""
        return MEASURES[self.key].record if self.key else SERIES[self.of]

    @property
    def words(self) -> str:
        """ "the converged Loss_D", for a sentence or an axis."""
        name = self.of
        if self.key is not None:
            heading = self.record.heading if self.key == DISTANCE else self.key
            name = heading if self.summary in _ALONG else f"the {heading}"
        if self.summary == "reached":
            what = name if self.key else f"the median of the last {WINDOW} values of {name}"
            limit = f"{self._limit} of an untrained `{self.untrained}`'s" if self.untrained else self._limit
            return f"the step at which {what} is first {self.side} {limit}"
        if self.summary == "at":
            return f"the median of the {WINDOW} values of {name} up to step {self.step:,}"
        words = _WORDS.get(self.summary, "{}").format(name)
        return words if self.step is None else f"{words}, by step {self.step:,}"

    def written(self, value: float) -> str:
        """A value of it: steps are whole."""
        return f"{value:,.0f}" if self.summary == "reached" and math.isfinite(value) else number(value)

    def axis(self, quality: str) -> str:
        """The name of an axis of its values; `quality` names the Fréchet distance with its N."""
        if (self.summary, self.of) == ("", QUALITY):
            return quality
        if self.summary == "reached":
            return str(self)
        words = str(self) if self.summary == "at" else self.words
        return f"{words} ({self.record.unit})" if self.record.unit else words

    def __str__(self) -> str:
        if self.summary == "reached":
            limit = f"{self._limit} of untrained" if self.untrained else self._limit
            return f"steps until {self.of} {'≤' if self.side == 'below' else '≥'} {limit}"
        named = self.of if self.summary == "at" else f"{self.summary} {self.of}".strip()
        return named if self.step is None else f"{named} at {self.step}"

    @property
    def _limit(self) -> str:
        assert self.threshold is not None
        return percent(self.threshold) if self.untrained else f"{self.threshold:g}"


def parse_metric(text: str) -> Metric:
    """The metric that a claim names. Raises ValueError, whose message names the nearest."""
    measures, series = claimable()
    if text in measures:
        return Metric("", text)
    found = _AT.fullmatch(text)
    rest, step = (found[1], int(found[2])) if found else (text, None)
    if step is not None and step < WINDOW:
        raise ValueError(f"`at` must name step {WINDOW} or a later one (got {step})")
    if step is not None and " " not in rest:
        if rest in measures:
            raise ValueError(
                f"{rest!r} is of the end of a training: write `best {rest} at {step}`, or `area`"
            )
        return Metric("at", _known("logged metric", rest, series), step)
    summary, _, of = rest.partition(" ")
    if summary in _ALONG:
        return Metric(
            next(one for one in _ALONG if one == summary), _known("measure along a run", of, along()), step
        )
    if summary in _OF_SERIES and step is None:
        return Metric(next(one for one in _OF_SERIES if one == summary), _known("logged metric", of, series))
    if summary in _OF_SERIES:
        raise ValueError(f"{summary!r} is of the end of a training: write `{of} at {step}`")
    if summary == _WITHDRAWN:
        raise ValueError(
            f"{_WITHDRAWN!r} was withdrawn, since it changes with the length of a training: write `area {QUALITY}`, "
            f"`{of} at 50` for any step, or a claim of the kind `steps`"
        )
    words = unknown("summary", summary, [*measures, *_ALONG, *_OF_SERIES])
    raise ValueError(
        f"{words}: a metric is a measure, such as `{QUALITY}` or `area {QUALITY}`, or what is logged, such as "
        f"`{_OF_SERIES[0]} {series[0]}` or `{series[0]} at 50`"
    )


def _known(what: str, name: str, names: list[str]) -> str:
    if name not in names:
        raise ValueError(unknown(what, name, names))
    return name


def parse_reached(text: str) -> str:
    """What reaches a threshold: a measure along a run or a logged series. Raises ValueError."""
    return _known("logged metric", text, [*along(), *claimable()[1]])


def claimable() -> tuple[list[str], list[str]]:
    """The measures and the logged series that a claim may name."""
    measures = [QUALITY, *(key for key in MEASURES if key != DISTANCE and MEASURES[key].record.claimable)]
    return measures, [name for name, record in SERIES.items() if record.claimable]


def along() -> list[str]:
    """The measures that a claim may name along a run."""
    measures = (name for name in claimable()[0] if name != QUALITY)
    return [QUALITY, *(name for name in measures if MEASURES[name].every_score)]


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
    found = level_of(steps, values)
    return found.level if metric.summary == "converged" else found.oscillation
