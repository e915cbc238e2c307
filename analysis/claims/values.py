"""One number of each training of a run, by seed: what claims compare. What has no number says why.

A diverged training ranks last: +inf, where lower is better. Of a metric with no better side it has no number at all,
and a comparison is refused rather than made without it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ablations.spec.claims import Metric
from analysis.frames.jobs import Frames
from analysis.statistics.convergence import MIN_POINTS, convergence, smoothed
from analysis.wording import name_seeds

_NOT_ENDED = {
    "new": "not begun",
    "running": "still running",
    "pruned": "pruned",
    "interrupted": "interrupted",
    "crashed": "crashed",
}


class CannotCompare(Exception):
    """The data are there and the comparison makes no sense; the message says why and what to do."""


@dataclass(frozen=True)
class Group:
    """The values of one run, or of a setting that a study found, by seed."""

    name: str
    values: Mapping[int, float]
    """+inf where the training diverged. Of an outcome: 1 where it is the one in question, else 0."""
    missing: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Seeds without a value, by the reason."""

    @property
    def lacking(self) -> str:
        """Which seeds have no value, and why; empty where all have one."""
        return "; ".join(f"{name_seeds(seeds)} {reason}" for reason, seeds in self.missing.items())


def values_of(frames: Frames, runs: Sequence[str], metric: Metric) -> list[Group]:
    """A metric of some runs.

    Raises:
        CannotCompare: scores under several protocols or of several data sets, or a diverged training without a value.
    """
    if "quality" in (metric.summary, metric.series):
        _one_protocol(frames, runs)
    return [_group(frames, run, lambda job: _value(frames, job, metric)) for run in runs]


def outcomes_of(frames: Frames, runs: Sequence[str], part: str, word: str) -> list[Group]:
    """Whether each training's outcome has this word, 1 or 0. A diverged training may have no other word: that is 0."""

    def is_so(job: Mapping[Any, Any]) -> float | str:
        if job[part] is None and job["exit"] != "diverged":
            return f"without a word on its {part}"
        return float(job[part] == word)

    return [_group(frames, run, is_so) for run in runs]


def _group(frames: Frames, run: str, value: Callable[[Mapping[Any, Any]], float | str]) -> Group:
    """`value` gives a number, or the reason why there is none."""
    values: dict[int, float] = {}
    missing: dict[str, list[int]] = {}
    for job in frames.jobs_of(run).to_dict("records"):
        found = _NOT_ENDED.get(job["exit"]) or value(job)
        if isinstance(found, str):
            missing.setdefault(found, []).append(job["seed"])
        else:
            values[job["seed"]] = found
    return Group(run, values, missing)


def _value(frames: Frames, job: Mapping[Any, Any], metric: Metric) -> float | str:
    diverged = job["exit"] == "diverged"
    if metric.summary == "reached":
        return _reached(frames, job, metric)
    if diverged and not _lower_is_better(metric):
        words = f"`{job['run']}` diverged with seed {job['seed']} and has no {metric}"
        raise CannotCompare(
            f"{words}, which has no better side on which to rank it: claim its outcome instead"
        )
    if diverged:
        return math.inf
    if metric.summary == "quality":
        scores = _scores(frames, job["run"])
        last = scores[(scores["seed"] == job["seed"]) & (scores["step"] == job["steps"])]
        if last.empty:
            return "not scored under the protocol asked for (`ablate run` scores kept weights again)"
        value = float(last["value"].iloc[-1])
        return math.inf if math.isnan(value) else value
    curve = frames.curve(job["run"], job["seed"], metric.series)
    if curve.empty:
        return f"without {metric.series} in its journal"
    return _summary(curve, metric)


def _summary(curve: "pd.Series[float]", metric: Metric) -> float | str:
    values = curve.fillna(math.inf).to_numpy()
    if metric.summary == "final":
        return float(values[-1])
    if metric.summary == "median":
        return float(np.median(values))
    if len(values) < MIN_POINTS:
        return f"too short: {len(values)} points of {metric.series}, where a level needs {MIN_POINTS}"
    found = convergence(curve.index.to_numpy(), values)
    return {
        "converged": found.level,
        "oscillation": found.oscillation,
        "steps-to-converge": found.settled_at,
    }[metric.summary]


def _reached(frames: Frames, job: Mapping[Any, Any], metric: Metric) -> float | str:
    """The first step at which the series, smoothed unless it is a score, lies beyond the threshold; +inf: never."""
    assert metric.threshold is not None
    if metric.series == "quality":
        scores = _scores(frames, job["run"])
        own = scores[scores["seed"] == job["seed"]].sort_values("step")
        steps, values = own["step"].to_numpy(), own["value"].to_numpy(dtype=np.float64)
    else:
        curve = frames.curve(job["run"], job["seed"], metric.series)
        steps, values = curve.index.to_numpy(), curve.fillna(math.inf).to_numpy(dtype=np.float64)
        values = smoothed(np.asarray(values, dtype=np.float64)) if len(values) else values
    if not len(values):
        return f"without {metric.series} in its journal"
    there = values <= metric.threshold if metric.side == "below" else values >= metric.threshold
    # What is +inf because it diverged has reached nothing.
    first = np.flatnonzero(there & np.isfinite(values))
    return float(steps[first[0]]) if len(first) else math.inf


def _lower_is_better(metric: Metric) -> bool:
    return metric.summary in ("quality", "steps-to-converge") or metric.series.startswith("Loss_")


def _scores(frames: Frames, run: str) -> pd.DataFrame:
    """The Fréchet distances of a run under the protocol that is asked for."""
    rows = frames.evaluations
    wanted = rows["requested"].isna() | (rows["requested"] == rows["protocol"])
    return rows[rows["registered"] & wanted & (rows["run"] == run)]


def _one_protocol(frames: Frames, runs: Sequence[str]) -> None:
    """Raise CannotCompare where the scores of these runs are not of one protocol and one data set."""
    known: tuple[str, str, Mapping[str, Any]] | None = None
    digests = {(job["run"], job["seed"]): str(job["data_digest"]) for job in frames.jobs.to_dict("records")}
    for run in runs:
        for score in _scores(frames, run).to_dict("records"):
            data = digests.get((run, score["seed"]), "")
            here = {"metric": score["metric"], **score["details"], "data": data[:12]}
            if known is None:
                known = (run, score["protocol"], here)
            elif known[1] != score["protocol"] or known[2]["data"] != here["data"]:
                raise CannotCompare(_mismatch(known[0], known[2], run, here))


def _mismatch(first: str, one: Mapping[str, Any], second: str, other: Mapping[str, Any]) -> str:
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    named = "; ".join(
        f"{key} {one.get(key, 'not given')} against {other.get(key, 'not given')}" for key in keys
    )
    words = f"`{first}` and `{second}` are not scored alike ({named or 'the code that scores has changed'})"
    return f"{words}: distances of different protocols do not compare; score both under one protocol"
