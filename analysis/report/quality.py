"""Quality in numbers as a table of text: the last score of each job, and how far chance reaches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames.quality import LastScore, Measured, Scores
from analysis.wording import number
from fakeface.evaluation.measures import DISTANCE


@dataclass(frozen=True)
class QualityView:
    """The table as the page shows it."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The cells of each job, its run and seed first."""
    counts: Sequence[str]
    """How many jobs have a value in each column of numbers: `6 of 8`."""


def quality_view(scores: Scores) -> QualityView | None:
    """None where no job has a score."""
    rows = scores.last
    if not rows:
        return None
    titles = {key: one.heading for key, one in scores.measures.items()}
    titles[DISTANCE] = f"{scores.name}, {scores.measures[DISTANCE].error}"
    counts = [
        f"{sum(row.measured[key].value is not None for row in rows)} of {len(rows)}"
        for key in scores.measures
    ]
    return QualityView(["run", "seed", *titles.values()], [_cells(row) for row in rows], counts)


def _cells(row: LastScore) -> list[str]:
    return [row.run, str(row.seed), *(_cell(one) for one in row.measured.values())]


def _cell(measured: Measured) -> str:
    """`59.1 (55.0 to 63.2)`, `41.0 ± 2.0`, or the number alone."""
    text = number(measured.value)
    if measured.low is not None and measured.high is not None and not math.isnan(measured.low):
        return f"{text} ({number(measured.low)} to {number(measured.high)})"
    return (
        text if measured.error is None or math.isnan(measured.error) else f"{text} ± {number(measured.error)}"
    )
