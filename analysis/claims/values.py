"""One number of each training of a run, by seed: what claims compare. What has no number says why.

A diverged training ranks last on its metric's worse side. Of a metric with no better side it has no number at all, and
a comparison is refused rather than made without it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.claims._base import CannotCompare, Group
from analysis.claims.metrics import Metric, summed_up
from analysis.statistics.convergence import smoothed
from analysis.wording import listed
from fakeface.evaluation.measures import DISTANCE, QUALITY, records
from fakeface.gan.series import OF_THE_OBJECTIVE, OUTPUTS_OF_D
from fakeface.measures import Better
from fakeface.outcomes import COMPLETE, Exit, regime_of

if TYPE_CHECKING:
    from analysis.frames.jobs import Frames

_NOT_ENDED: Mapping[str, str] = {
    Exit.NEW: "not begun",
    Exit.RUNNING: "still running",
    Exit.UNKNOWN: "perhaps still running",
}
"""The words for exits that are no way to end; any other is its own."""

Value = float | str
"""A number, or the reason why there is none."""


def values_of(frames: "Frames", runs: Sequence[str], metric: Metric) -> list[Group]:
    """A metric of some runs.

    Raises:
        CannotCompare: scores under several protocols or of several data sets, losses of several objectives, or a
            diverged training without a value.
    """
    if metric.key is not None:
        _one_protocol(frames, runs)
    else:
        _one_objective(frames, runs, metric)
    read = _reached if metric.summary == "reached" else _value
    return [_group(frames, run, lambda job: read(frames, job, metric)) for run in runs]


def common_seeds(groups: Sequence[Group]) -> Sequence[Group]:
    """The groups with the values of the seeds that all of them have; the others are missing. As they are where a group
    has no value at all."""
    if not all(group.values for group in groups):
        return groups
    common = set.intersection(*(set(group.values) for group in groups))
    return [_only(group, common, groups) for group in groups]


def outcomes_of(frames: "Frames", runs: Sequence[str], part: str, word: str) -> list[Group]:
    """Whether each training's outcome has this word, 1 or 0. A diverged training may have no other word: that is 0."""

    def is_so(job: Mapping[Any, Any]) -> Value:
        if job[part] is None and job["exit"] != Exit.DIVERGED:
            return f"without a word on its {part}"
        return float(job[part] == word)

    return [_group(frames, run, is_so) for run in runs]


def _group(frames: "Frames", run: str, value: Callable[[Mapping[Any, Any]], Value]) -> Group:
    values: dict[int, float] = {}
    missing: dict[str, list[int]] = {}
    jobs = frames.jobs_of(run).to_dict("records")
    for job in jobs:
        exit_ = job["exit"]
        found = value(job) if exit_ in COMPLETE else _NOT_ENDED.get(exit_, exit_)
        if isinstance(found, str):
            missing.setdefault(found, []).append(job["seed"])
        else:
            values[job["seed"]] = found
    regimes = {
        job["seed"]: regime_of(job["exit"], job["samples"], job["dynamics"])
        for job in jobs
        if job["exit"] != Exit.NEW
    }
    return Group(run, values, missing, regimes)


def _value(frames: "Frames", job: Mapping[Any, Any], metric: Metric) -> Value:
    if job["exit"] == Exit.DIVERGED:
        return _last(job, metric)
    if metric.key is not None:
        steps, values = _scores(frames, job, metric.key)
        if not _at_the_end(steps, job):
            scored = _at_the_end(_scores(frames, job, DISTANCE)[0], job)
            lacking = f"scored without {metric.of}" if scored else "not scored under the protocol asked for"
            return f"{lacking} (`ablate run` scores kept weights again)"
        return _last(job, metric) if np.isnan(values[-1]) else float(values[-1])
    steps, values = _curve(frames, job, metric.of)
    return summed_up(metric, steps, values) if len(values) else f"without {metric.of} in its journal"


def _at_the_end(steps: npt.NDArray[Any], job: Mapping[Any, Any]) -> bool:
    """Whether the last of these steps is the training's."""
    return len(steps) > 0 and bool(steps[-1] == job["steps"])


def _last(job: Mapping[Any, Any], metric: Metric) -> float:
    """The value of a training that diverged: infinite on the worse side."""
    if metric.better is Better.NEITHER:
        raise CannotCompare(
            f"`{job['run']}` diverged with seed {job['seed']} and has no {metric}, which has no better side on which "
            "to rank it: claim its outcome instead"
        )
    return math.inf if metric.better is Better.LOWER else -math.inf


def _reached(frames: "Frames", job: Mapping[Any, Any], metric: Metric) -> Value:
    """The first step at which a measure, or a smoothed series, is beyond the threshold; +inf: never."""
    assert metric.threshold is not None
    if metric.key is not None:
        steps, values = _scores(frames, job, metric.key)
    else:
        steps, values = _curve(frames, job, metric.of)
        values = smoothed(values) if len(values) else values
    if not len(values):
        return f"without {metric.of} in its journal"
    there = values <= metric.threshold if metric.side == "below" else values >= metric.threshold
    # What is +inf because it diverged has reached nothing.
    first = np.flatnonzero(there & np.isfinite(values))
    return float(steps[first[0]]) if len(first) else np.inf


Series = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Steps and values, (n,) each."""


def _curve(frames: "Frames", job: Mapping[Any, Any], name: str) -> Series:
    """Steps and values (n,) of a logged series, +inf in place of NaN."""
    curve = frames.curve(job["run"], job["seed"], name)
    return curve.index.to_numpy(), curve.fillna(np.inf).to_numpy(dtype=np.float64)


def _scores(frames: "Frames", job: Mapping[Any, Any], key: str) -> Series:
    """Steps and values (n,) of a registered measure."""
    registered, rows = (
        rows[(rows["run"] == job["run"]) & (rows["seed"] == job["seed"])]
        for rows in (frames.registered, frames.evaluations)
    )
    names = {(row.protocol, records(row.metric)[key].name) for row in registered.itertuples()}
    own = rows.sort_values("step")
    own = own.loc[[pair in names for pair in zip(own["protocol"], own["metric"], strict=True)]]
    return own["step"].to_numpy(), own["value"].to_numpy(dtype=np.float64)


def _one_protocol(frames: "Frames", runs: Sequence[str]) -> None:
    """Raise CannotCompare where the scores of these runs are not of one protocol and one data set."""
    known: tuple[str, str, Mapping[str, Any]] | None = None
    digests = {(job["run"], job["seed"]): str(job["data_digest"]) for job in frames.jobs.to_dict("records")}
    for run in runs:
        for score in frames.registered[frames.registered["run"] == run].to_dict("records"):
            data = digests.get((run, score["seed"]), "")
            here = {"metric": score["metric"], **score["details"], "data": data[:12]}
            if known is None:
                known = (run, score["protocol"], here)
            elif known[1] != score["protocol"] or known[2]["data"] != here["data"]:
                raise CannotCompare(_mismatch(known[0], known[2], run, here))


def _one_objective(frames: "Frames", runs: Sequence[str], metric: Metric) -> None:
    """Raise CannotCompare where a series of these runs means different things under their objectives."""
    if metric.of not in OF_THE_OBJECTIVE | OUTPUTS_OF_D:
        return
    declared = [(run, one) for run in runs for one in frames.declared(run)]
    for run, one in declared[1:]:
        first, other = declared[0]
        if one.objective != other.objective and not (
            metric.of in OUTPUTS_OF_D and one.probability and other.probability
        ):
            raise CannotCompare(
                f"`{first}` minimises {other.words} and `{run}` {one.words}: {metric.of} of different objectives does "
                f"not compare; compare `{QUALITY}` or another measure of the pictures"
            )


def _mismatch(first: str, one: Mapping[str, Any], second: str, other: Mapping[str, Any]) -> str:
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    named = "; ".join(
        f"{key} {one.get(key, 'not given')} against {other.get(key, 'not given')}" for key in keys
    )
    words = f"`{first}` and `{second}` are not scored alike ({named or 'the code that scores has changed'})"
    return f"{words}: distances of different protocols do not compare; score both under one protocol"


def _only(group: Group, seeds: set[int], groups: Sequence[Group]) -> Group:
    """A group with the values of these seeds; the others are missing."""
    others = sorted(set(group.values) - seeds)
    values = {seed: group.values[seed] for seed in sorted(seeds)}
    if not others:
        return replace(group, values=values)
    names = listed(f"`{other.name}`" for other in groups if not set(others) <= set(other.values))
    return replace(group, values=values, missing={**group.missing, f"not in common with {names}": others})
