"""Quality in numbers: what the last evaluation of each job says, with what chance alone would move it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.frames.jobs import Frames
from analysis.report.table import number, quality_name
from fakeface.evaluation.measures import QualityNames, quality_names
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
    distance: Measured
    """Fréchet distance of N samples."""
    infinity: Measured
    """The distance that infinitely many samples would have."""
    kernel: Measured
    precision: Measured
    recall: Measured
    floor: Measured
    """Fréchet distance of N real images."""

    def numbers(self) -> tuple[Measured, ...]:
        """In the order of the headings."""
        return (self.distance, self.infinity, self.kernel, self.precision, self.recall, self.floor)

    def cells(self) -> list[str]:
        return [self.run, str(self.seed), *(measured.cell() for measured in self.numbers())]


@dataclass(frozen=True)
class QualityView:
    """The table as the page shows it."""

    headings: Sequence[str]
    rows: Sequence[QualityRow]
    counts: Sequence[str]
    """How many jobs stand behind each column of numbers: `6 of 8`."""


def quality_table(frames: Frames) -> list[QualityRow]:
    """One row for each job that has begun, in the order of the runs, whatever became of it.

    A job that has not reached its end has its distance so far and nothing else; none has what its protocol has too few
    samples for.
    """
    quality = frames.quality()
    if quality.empty:
        return []
    names = quality_names(str(quality["metric"].iloc[0]))
    last = quality.sort_values("step").groupby(["run", "seed"], observed=True)["step"].last()
    values = frames.evaluations[frames.evaluations["protocol"] == quality["protocol"].iloc[0]]
    by_evaluation = {
        key: dict(zip(part["metric"], part["value"], strict=True))
        for key, part in values.groupby(["run", "seed", "step"], observed=True)
    }
    begun = frames.outcomes[frames.outcomes["exit"] != Exit.NEW]
    rows = []
    for job in zip(begun["run"], begun["seed"], strict=True):
        step = int(last[job]) if job in last.index else None
        rows.append(_row(*job, step, by_evaluation.get((*job, step), {}), names))
    return rows


def quality_view(frames: Frames) -> QualityView | None:
    """None where no job has a score."""
    rows = quality_table(frames)
    if not rows:
        return None
    names = quality_names(str(frames.quality()["metric"].iloc[0]))
    headings = [
        "run", "seed", f"{quality_name(frames)}, 95% interval", "at N = ∞", names.kernel, "precision", "recall",
        "floor",
    ]  # fmt: skip
    columns = zip(*(row.numbers() for row in rows), strict=True)
    counts = [f"{sum(one.value is not None for one in column)} of {len(rows)}" for column in columns]
    return QualityView(headings, rows, counts)


def _row(
    run: str, seed: int, step: int | None, values: Mapping[str, float], names: QualityNames
) -> QualityRow:
    get = values.get
    return QualityRow(
        run=run,
        seed=seed,
        step=step,
        distance=Measured(get(names.distance), low=get(names.low), high=get(names.high)),
        infinity=Measured(get(names.infinity), error=get(names.infinity_error)),
        kernel=Measured(get(names.kernel), error=get(names.kernel_error)),
        precision=Measured(get(names.precision)),
        recall=Measured(get(names.recall)),
        floor=Measured(get(names.floor)),
    )
