"""Quality in numbers: what the last evaluation of each job says, with what chance alone would move it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.frames.jobs import Frames
from analysis.report.table import number, quality_name
from fakeface.evaluation.measures import DISTANCE, records
from fakeface.outcomes import Exit


@dataclass(frozen=True)
class Measured:
    """A number, and where it is known how far chance reaches. None: not measured; NaN: measured, and came out so."""

    value: float | None
    low: float | None = None
    """The 95% interval of its sampling noise."""
    high: float | None = None
    error: float | None = None
    """Its standard error."""

    def cell(self) -> str:
        """`59.1 (55.0 to 63.2)`, `41.0 ± 2.0`, or the number alone."""
        text = number(self.value)
        if self.low is not None and self.high is not None and not math.isnan(self.low):
            return f"{text} ({number(self.low)} to {number(self.high)})"
        return text if self.error is None or math.isnan(self.error) else f"{text} ± {number(self.error)}"


@dataclass(frozen=True)
class QualityRow:
    """The last evaluation of one job under the protocol that the page compares."""

    run: str
    seed: int
    step: int | None
    """Of the evaluation; None where there is none."""
    measured: Mapping[str, Measured]
    """Every registered measure, by its key, in the order of registration."""

    def cells(self) -> list[str]:
        return [self.run, str(self.seed), *(one.cell() for one in self.measured.values())]


@dataclass(frozen=True)
class QualityView:
    """The table as the page shows it."""

    headings: Sequence[str]
    rows: Sequence[QualityRow]
    counts: Sequence[str]
    """How many jobs stand behind each column of numbers: `6 of 8`."""


def quality_table(frames: Frames) -> list[QualityRow]:
    """One row for each job that has begun, in the order of the runs, whatever became of it.

    A job that has not reached its end has only what every score measures; none has what its protocol has too few
    samples for.
    """
    quality = frames.quality()
    if quality.empty:
        return []
    known = records(str(quality["metric"].iloc[0]))
    last = quality.sort_values("step").groupby(["run", "seed"], observed=True)["step"].last()
    values = frames.evaluations[frames.evaluations["protocol"] == quality["protocol"].iloc[0]]
    by_evaluation = {
        key: dict(zip(part["metric"], part["value"], strict=True))
        for key, part in values.groupby(["run", "seed", "step"], observed=True)
    }
    begun = frames.outcomes[frames.outcomes["exit"] != Exit.NEW]
    rows = []
    for run, seed in zip(begun["run"], begun["seed"], strict=True):
        step = int(last[run, seed]) if (run, seed) in last.index else None
        found = by_evaluation.get((run, seed, step), {})
        measured = {
            key: Measured(*(found.get(name) for name in (one.name, one.low, one.high, one.standard_error)))
            for key, one in known.items()
        }
        rows.append(QualityRow(run, seed, step, measured))
    return rows


def quality_view(frames: Frames) -> QualityView | None:
    """None where no job has a score."""
    rows = quality_table(frames)
    if not rows:
        return None
    known = records(str(frames.quality()["metric"].iloc[0]))
    titles = {key: one.heading for key, one in known.items()}
    titles[DISTANCE] = f"{quality_name(frames)}, {known[DISTANCE].error}"
    columns = {key: [row.measured[key] for row in rows] for key in known}
    counts = [f"{sum(one.value is not None for one in column)} of {len(rows)}" for column in columns.values()]
    return QualityView(["run", "seed", *titles.values()], rows, counts)
