"""One number of each training of a run, by seed: what claims compare. What has no number says why.

A diverged training ranks last on its metric's worse side. Of a metric with no better side it has no number at all, and
a comparison is refused rather than made without it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.claims._base import CannotCompare, Group
from analysis.claims.metrics import WINDOW, Metric, summed_up
from analysis.statistics.curves import FEWEST_ALONG, Array, crossing, mean_along, trailing_median
from analysis.wording import counted, listed
from fakeface.evaluation.measures import DISTANCE, QUALITY
from fakeface.gan.series import OF_THE_OBJECTIVE, OUTPUTS_OF_D
from fakeface.measures import Better, Scale
from fakeface.outcomes import COMPLETE, Exit, regime_of
from fakeface.scores import ScoreKind, curve_steps

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
        CannotCompare: scores under several protocols or of several data sets, losses of several objectives, curves
            of several lengths, trainings that end before a step in question, or a diverged one without a value.
    """
    if metric.scores is not None:
        _one_protocol(frames, runs, metric.scores)
    else:
        _one_objective(frames, runs, metric)
    if metric.step is not None:
        _long_enough(frames, runs, metric)
    elif metric.summary in ("best", "area", "reached"):
        _one_length(frames, runs, metric)
    if metric.untrained:
        metric = _of_untrained(frames, metric)
    return [_group(frames, run, lambda job: _value(frames, job, metric)) for run in runs]


def not_ended(frames: "Frames", runs: Sequence[str]) -> str:
    """Which trainings of some runs have no result yet, and why; empty where all have one."""
    groups = [_group(frames, run, lambda _: 0.0) for run in runs]
    return "; ".join(f"`{group.name}`: {group.lacking}" for group in groups if group.missing)


def check_trainings(frames: "Frames", runs: Sequence[str]) -> None:
    """Raise CannotCompare where one training would count as two: two runs with the same settings, or seeds that change
    nothing because `train.seeds` fixes all streams."""
    folders: dict[Path, str] = {}
    seeds: dict[tuple[str, str], int] = {}
    for selected, history in frames.read:
        run, seed = selected.run, selected.seed
        if run not in runs:
            continue
        if (first := folders.setdefault(selected.folder, run)) != run:
            raise CannotCompare(
                f"`{first}` and `{run}` are the same trainings, since no setting differs that matters: correct one of "
                "the two runs"
            )
        outcome = history.outcome or {}
        weights = outcome["weights_sha256"] if outcome.get("exit") == Exit.FINISHED else None
        if weights and (other := seeds.setdefault((run, weights), seed)) != seed:
            raise CannotCompare(
                f"`{run}` ended with the same weights with seeds {other} and {seed}, so that they count once: leave a "
                "stream of `train.seeds` to the seed"
            )


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
    jobs = frames.jobs_of(run)
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
    if metric.scores is ScoreKind.FINAL:
        return _final(frames, job, metric)
    if metric.scores is ScoreKind.CURVE:
        return _along(frames, job, metric)
    return _of_series(frames, job, metric)


def _final(frames: "Frames", job: Mapping[Any, Any], metric: Metric) -> Value:
    """A measure at the end of a training."""
    if job["exit"] == Exit.DIVERGED:
        return _last(job, metric)
    assert metric.key is not None
    scores = _scores(frames, job, ScoreKind.FINAL, metric.key)
    if job["steps"] not in scores:
        scored = job["steps"] in _scores(frames, job, ScoreKind.FINAL, DISTANCE)
        lacking = f"scored without {metric.of}" if scored else "not scored under the protocol asked for"
        return f"{lacking} (`ablate run` scores kept weights again)"
    value = scores[job["steps"]]
    return value if math.isfinite(value) else _last(job, metric)


def _along(frames: "Frames", job: Mapping[Any, Any], metric: Metric) -> Value:
    """A summary of a measure along the run."""
    assert metric.key is not None
    diverged = job["exit"] == Exit.DIVERGED
    if metric.step is not None and job["steps"] < metric.step:
        return _ended_before(job, metric)
    if metric.step is None and metric.summary != "reached" and diverged:
        return _last(job, metric)
    # A step that is named counts only where it is one that trainings of all lengths have, and the last step of a
    # training that diverged has no score.
    due = curve_steps(job["steps"] if metric.step is None else metric.step + 1)
    due = due[:-1] if diverged or metric.step is not None else due
    scores = _scores(frames, job, ScoreKind.CURVE, metric.key)
    lacking = [step for step in due if step not in scores]
    if lacking:
        return (
            f"without {len(lacking)} of {len(due)} scores along the run under the protocol asked for (`ablate run` "
            "scores kept weights again; where none were kept, `ablate run --rerun` trains again)"
        )
    steps, values = np.array(due, dtype=np.float64), np.array([scores[step] for step in due])
    if metric.summary == "reached":
        return _reached(steps, values, metric)
    if not np.isfinite(values).all():
        return _last(job, metric)
    if metric.summary == "best":
        return float(values.min() if metric.better is Better.LOWER else values.max())
    if len(due) < FEWEST_ALONG:
        return "without two scores after its first step, which a mean along a run needs"
    return mean_along(steps, values, log=metric.scale is Scale.LOG)


def _of_series(frames: "Frames", job: Mapping[Any, Any], metric: Metric) -> Value:
    """A summary of a logged series."""
    steps, values = _curve(frames, job, metric.of)
    if metric.step is not None and job["steps"] < metric.step:
        return _ended_before(job, metric)
    if metric.step is not None:
        steps, values = steps[steps <= metric.step], values[steps <= metric.step]
    if not len(values):
        return f"without {metric.of} in its journal"
    medians = trailing_median(values, WINDOW)
    if metric.summary == "reached":
        return _reached(steps[WINDOW - 1 :], medians, metric)
    if metric.summary == "at":
        few = f"with {len(values)} values of {metric.of} by step {metric.step:,}, where its median needs {WINDOW}"
        return float(medians[-1]) if len(medians) else few
    return _last(job, metric) if job["exit"] == Exit.DIVERGED else summed_up(metric, steps, values)


def _ended_before(job: Mapping[Any, Any], metric: Metric) -> Value:
    """The value of a training that ended before the step in question."""
    if job["exit"] == Exit.DIVERGED:
        return _last(job, metric)
    return f"ended at step {job['steps']:,}, before step {metric.step:,}"


def _reached(steps: Array, values: Array, metric: Metric) -> float:
    """The first step beyond the threshold; +inf: never."""
    assert metric.threshold is not None
    # What is NaN because it diverged has reached nothing.
    known = np.where(np.isnan(values), np.inf, values)
    return crossing(steps, known, metric.threshold, below=metric.side == "below")


def _last(job: Mapping[Any, Any], metric: Metric) -> float:
    """The value of a training that diverged: infinite on the worse side."""
    if metric.better is Better.NEITHER:
        what = "diverged" if job["exit"] == Exit.DIVERGED else "ended"
        raise CannotCompare(
            f"`{job['run']}` {what} with seed {job['seed']} and has no {metric}, which has no better side on which "
            "to rank it: claim its outcome instead"
        )
    return math.inf if metric.better is Better.LOWER else -math.inf


def _curve(frames: "Frames", job: Mapping[Any, Any], name: str) -> tuple[Array, Array]:
    """Steps and values (n,) of a logged series, +inf in place of NaN."""
    curve = frames.curve(job["run"], job["seed"], name)
    return curve.index.to_numpy(dtype=np.float64), curve.fillna(np.inf).to_numpy(dtype=np.float64)


def _scores(frames: "Frames", job: Mapping[Any, Any], kind: ScoreKind, key: str) -> Mapping[int, float]:
    return frames.scores(kind).of_job(job["run"], job["seed"], key)


def _of_untrained(frames: "Frames", metric: Metric) -> Metric:
    """The metric with the threshold that its share of an untrained generator's score comes to."""
    assert metric.key is not None
    assert metric.threshold is not None
    jobs = [job for job in frames.jobs_of(metric.untrained) if job["exit"] != Exit.NEW]
    if not jobs:
        return replace(metric, threshold=math.nan, untrained="")  # the run has no value either
    firsts = [scores[0] for job in jobs if 0 in (scores := _scores(frames, job, ScoreKind.CURVE, metric.key))]
    if not firsts:
        raise CannotCompare(
            f"no seed of `{metric.untrained}` has a score before its first step, which the threshold is a share of: "
            "`ablate run --rerun` takes it"
        )
    return replace(metric, threshold=metric.threshold * float(np.mean(firsts)), untrained="")


def _long_enough(frames: "Frames", runs: Sequence[str], metric: Metric) -> None:
    """Raise CannotCompare where the trainings of a run end before the step that the metric is about."""
    assert metric.step is not None
    for run in runs:
        lengths = [n for job in frames.jobs_of(run) if (n := job["total_steps"]) is not None]
        if lengths and (shortest := int(min(lengths))) < metric.step:
            raise CannotCompare(
                f"`{run}` trains for {counted(shortest, 'step')}, and {metric} is about step {metric.step:,}: name an "
                "earlier step, or train longer"
            )


def _one_length(frames: "Frames", runs: Sequence[str], metric: Metric) -> None:
    """Raise CannotCompare where the trainings of these runs have several lengths."""
    lengths = {
        run: {n for job in frames.jobs_of(run) if (n := job["total_steps"]) is not None} for run in runs
    }
    known = set.union(*lengths.values())
    if len(known) > 1:
        words = listed(f"{counted(int(max(n)), 'step')} of `{run}`" for run, n in lengths.items() if n)
        remedy = (
            "a run that ends before it gets there may yet get there; train all equally long"
            if metric.summary == "reached"
            else f"compare what is known by a step that all have, such as `{metric} at {int(min(known))}`"
        )
        raise CannotCompare(f"the trainings have several lengths ({words}): {remedy}")


def _one_protocol(frames: "Frames", runs: Sequence[str], kind: ScoreKind) -> None:
    """Raise CannotCompare where the scores of these runs are not of one protocol and one data set."""
    known: tuple[str, str, Mapping[str, Any]] | None = None
    for run in runs:
        for seed in (job["seed"] for job in frames.jobs_of(run)):
            for protocol in frames.scores(kind).protocols_of(run, seed):
                data = frames.data_digest(run, seed)[:12]
                here = {"metric": protocol.metric, **protocol.details, "data": data}
                if known is None:
                    known = (run, protocol.identity, here)
                elif known[1] != protocol.identity or known[2]["data"] != data:
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
    runs = f"`{first}` and `{second}` are" if first != second else f"the seeds of `{first}` are"
    words = f"{runs} not scored alike ({named or 'the code that scores has changed'})"
    return f"{words}: distances of different protocols do not compare; score both under one protocol"


def _only(group: Group, seeds: set[int], groups: Sequence[Group]) -> Group:
    """A group with the values of these seeds; the others are missing."""
    others = sorted(set(group.values) - seeds)
    values = {seed: group.values[seed] for seed in sorted(seeds)}
    if not others:
        return replace(group, values=values)
    names = listed(f"`{other.name}`" for other in groups if not set(others) <= set(other.values))
    return replace(group, values=values, missing={**group.missing, f"not in common with {names}": others})
