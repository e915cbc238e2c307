"""Quality in numbers as a table of text: the last score of each job, how far chance reaches, and the way there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames.quality import AlongRun, Scores
from analysis.wording import length, number
from fakeface.evaluation.measures import DISTANCE, FLOOR
from fakeface.measures import Estimate

NONE = number(None)


@dataclass(frozen=True)
class QualityView:
    """The table as the page shows it."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The cells of each job, its run and seed first."""
    along: str
    """Name of the distance along the runs."""
    counts: Sequence[str]
    """How many jobs have a value in each column of numbers: `6 of 8`."""


def quality_view(scores: Scores) -> QualityView | None:
    """None where no job has a score."""
    rows = scores.last
    if not rows:
        return None
    titles = {key: one.heading for key, one in scores.measures.items()}
    titles[DISTANCE] = f"{scores.name}, {scores.measures[DISTANCE].error}"
    cells = [[*map(_cell, row.measured.values()), *_along(row.along)] for row in rows]
    counts = [f"{sum(cell != NONE for cell in column)} of {len(rows)}" for column in zip(*cells, strict=True)]
    headings = ["run", "seed", *titles.values(), "best along the run", "mean along the run"]
    table = [[row.run, str(row.seed), *own] for row, own in zip(rows, cells, strict=True)]
    return QualityView(headings, table, scores.curve_name, counts)


def floor_of(scores: Scores) -> float | None:
    """The distance of as many real images; None where it is not known, or the jobs have several."""
    known = {
        number(found.value): found.value for row in scores.last if (found := row.measured[FLOOR]) is not None
    }
    return next(iter(known.values())) if len(known) == 1 else None


def _along(known: AlongRun | None) -> list[str]:
    return [NONE, NONE] if known is None else [number(known.best), number(known.mean)]


def _cell(measured: Estimate | None) -> str:
    """`59.1 (55.0 to 63.2)`, `41.0 ± 2.5`, or the number alone."""
    if measured is None:
        return number(None)
    text = number(measured.value)
    if measured.low is not None and measured.high is not None and not math.isnan(measured.low):
        return f"{text} ({number(measured.low)} to {number(measured.high)})"
    error = measured.error
    return text if error is None or math.isnan(error) else f"{text} ± {length(error)}"
