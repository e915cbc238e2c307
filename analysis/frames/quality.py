"""The scores that may be compared: their curves, the last one of each job in numbers, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.frames.jobs import Frames
from fakeface.evaluation.measures import DISTANCE, MEASURES, records
from fakeface.measures import Estimate, Measure
from fakeface.outcomes import Exit


@dataclass(frozen=True)
class LastScore:
    """The last evaluation of one job under the protocol that is compared."""

    run: str
    seed: int
    step: int | None
    """Of the evaluation; None where there is none."""
    measured: Mapping[str, Estimate | None]
    """Every registered measure, by its key, in the order of registration. None: not measured; NaN: the measurement gave
    NaN."""


@dataclass(frozen=True)
class Scores:
    """All scores under one protocol."""

    name: str
    """The registered name of the Fréchet distance with its N: `fid (N = 10,000)`."""
    measures: Mapping[str, Measure]
    """The record of each registered measure, by its key; empty without a score."""
    curves: pd.DataFrame
    """run, seed, step, value, minutes: the Fréchet distance at each evaluation. `minutes` are the work until then."""
    last: Sequence[LastScore]
    """One for each job that has begun, in the order of the runs; empty without a score."""


def scores_of(frames: Frames) -> Scores:
    """The scores of all jobs, under the protocol of `Frames.quality`."""
    quality = frames.quality()
    measures = {} if quality.empty else records(str(quality["metric"].iloc[0]))
    curves = quality.assign(minutes=quality["seconds"] / 60)[["run", "seed", "step", "value", "minutes"]]
    return Scores(quality_name(frames), measures, curves, _last_scores(frames, quality, measures))


def quality_name(frames: Frames) -> str:
    """The registered name of the Fréchet distance with its N: `fid (N = 10,000)`."""
    quality = frames.quality()
    if quality.empty:
        return MEASURES[DISTANCE].record.heading
    last = quality.iloc[-1]
    if pd.isna(last["num_samples"]):
        return str(last["metric"])
    return f"{last['metric']} (N = {last['num_samples']:,})"


def _last_scores(frames: Frames, quality: pd.DataFrame, measures: Mapping[str, Measure]) -> list[LastScore]:
    """A job that has not reached its end has only what every score measures."""
    if quality.empty:
        return []
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
            key: Estimate(
                found[one.name], *(found.get(name) for name in (one.standard_error, one.low, one.high))
            )
            if one.name in found
            else None
            for key, one in measures.items()
        }
        rows.append(LastScore(run, seed, step, measured))
    return rows
