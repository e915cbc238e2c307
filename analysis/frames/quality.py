"""The scores that may be compared: their curves, the last one of each job in numbers, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.frames.jobs import Frames
from analysis.statistics.curves import FEWEST_ALONG, mean_along
from fakeface.evaluation.measures import DISTANCE, MEASURES, records
from fakeface.measures import Estimate, Measure
from fakeface.outcomes import Exit
from fakeface.scores import ScoreKind, curve_steps

if TYPE_CHECKING:
    import pandas as pd


class AlongRun(NamedTuple):
    """The Fréchet distance of one job along its run."""

    best: float
    mean: float
    """Geometric, over log steps."""


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
    along: AlongRun | None
    """None where the job did not finish, or lacks scores along its run."""


@dataclass(frozen=True)
class Scores:
    """All scores under one protocol, and those along the runs under another."""

    name: str
    """The registered name of the Fréchet distance with its N: `fid (N = 10,000)`."""
    curve_name: str
    """Its registered name at the scores along the runs, which ends in their N: `fid_n2560`."""
    measures: Mapping[str, Measure]
    """The record of each registered measure, by its key; empty without a score."""
    curves: "pd.DataFrame"
    """run, seed, step, value, minutes: the Fréchet distance along the runs. `minutes` are the work until then."""
    last: Sequence[LastScore]
    """One for each job that has begun, in the order of the runs; empty without a score."""


def scores_of(frames: Frames) -> Scores:
    """The scores of all jobs, under the protocols of `Frames.quality`."""
    quality, curve = frames.quality(), frames.quality(ScoreKind.CURVE)
    measures = {} if quality.empty else records(str(quality["metric"].iloc[0]))
    curves = curve.assign(minutes=curve["seconds"] / 60)[["run", "seed", "step", "value", "minutes"]]
    return Scores(
        quality_name(frames),
        MEASURES[DISTANCE].record.heading if curve.empty else str(curve["metric"].iloc[0]),
        measures,
        curves,
        _last_scores(frames, quality, measures, curves),
    )


def quality_name(frames: Frames) -> str:
    """The registered name of the Fréchet distance with its N: `fid (N = 10,000)`."""
    compared = frames.scores(ScoreKind.FINAL).compared
    if not compared:
        return MEASURES[DISTANCE].record.heading
    metric, samples = compared[-1]["metric"], compared[-1]["num_samples"]
    return metric if samples is None else f"{metric} (N = {samples:,})"


def _last_scores(
    frames: Frames, quality: "pd.DataFrame", measures: Mapping[str, Measure], curves: "pd.DataFrame"
) -> list[LastScore]:
    if quality.empty:
        return []
    last = quality.sort_values("step").groupby(["run", "seed"], observed=True)["step"].last()
    values = frames.evaluations[frames.evaluations["protocol"] == quality["protocol"].iloc[0]]
    by_evaluation = {
        key: dict(zip(part["metric"], part["value"], strict=True))
        for key, part in values.groupby(["run", "seed", "step"], observed=True)
    }
    begun = frames.outcomes[frames.outcomes["exit"] != Exit.NEW]
    curve = {
        key: part.set_index("step")["value"] for key, part in curves.groupby(["run", "seed"], observed=True)
    }
    rows = []
    for run, seed, exit_, steps in zip(
        *(begun[name] for name in ("run", "seed", "exit", "steps")), strict=True
    ):
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
        along = _along(curve[run, seed], steps) if exit_ == Exit.FINISHED and (run, seed) in curve else None
        rows.append(LastScore(run, seed, step, measured, along))
    return rows


def _along(values: "pd.Series[float]", steps: int) -> AlongRun | None:
    """Of the scores (n,) of a training with so many steps, by step."""
    due = curve_steps(steps)
    if len(due) < FEWEST_ALONG or not all(step in values for step in due):
        return None
    known = values[due]
    mean = mean_along(np.array(due), known.to_numpy(dtype=np.float64), log=True)
    return AlongRun(float(known.min()), mean)
