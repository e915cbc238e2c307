"""The last score of each job in numbers, and what its columns are called."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.frames.jobs import Frames
from fakeface.evaluation.measures import DISTANCE, MEASURES, records
from fakeface.measures import Measure
from fakeface.outcomes import Exit


@dataclass(frozen=True)
class Measured:
    """One number and its error, where that is known. None: not measured; NaN: the measurement gave NaN."""

    value: float | None
    low: float | None = None
    """The 95% interval of its sampling noise."""
    high: float | None = None
    error: float | None = None
    """Its standard error."""


@dataclass(frozen=True)
class QualityRow:
    """The last evaluation of one job under the protocol that is compared."""

    run: str
    seed: int
    step: int | None
    """Of the evaluation; None where there is none."""
    measured: Mapping[str, Measured]
    """Every registered measure, by its key, in the order of registration."""


def quality_measures(frames: Frames) -> Mapping[str, Measure]:
    """The records of every registered measure under the compared protocol, by key; empty without a score."""
    quality = frames.quality()
    return {} if quality.empty else records(str(quality["metric"].iloc[0]))


def quality_name(frames: Frames) -> str:
    """The registered name of the Fréchet distance with its N: `fid (N = 10,000)`."""
    quality = frames.quality()
    if quality.empty:
        return MEASURES[DISTANCE].record.heading
    last = quality.iloc[-1]
    if pd.isna(last["num_samples"]):
        return str(last["metric"])
    return f"{last['metric']} (N = {last['num_samples']:,})"


def quality_table(frames: Frames) -> list[QualityRow]:
    """One row for each job that has begun, in the order of the runs, whatever its outcome.

    A job that has not reached its end has only what every score measures. A measure that needs more samples than the
    protocol draws is missing everywhere.
    """
    quality = frames.quality()
    if quality.empty:
        return []
    known = quality_measures(frames)
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
