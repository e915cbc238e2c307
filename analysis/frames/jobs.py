"""Journals -> tidy pandas frames. Nothing is dropped: failed jobs, jobs not begun and NaN are all included."""

import bisect
import contextlib
import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ablations.store import Outside, file_in, is_running
from ablations.store import history as histories
from ablations.store.history import History, Series, job_history
from analysis.frames.scores import ScoreTable
from fakeface.declaration import Declaration
from fakeface.gan.series import LOSS_D
from fakeface.outcomes import Exit
from fakeface.scores import ScoreKind

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

_JOB = {"run": "category", "seed": "int64"}
_METRICS = {**_JOB, "step": "int64", "metric": "category", "value": "float64"}
_SCORES = {
    **_JOB, "step": "int64", "protocol": "object", "requested": "object", "metric": "object", "registered": "bool",
    "value": "float64", "num_samples": "Int64", "details": "object", "time": "int64", "seconds": "float64",
}  # fmt: skip
_IMAGES = {**_JOB, "step": "int64", "path": "object"}
_OUTCOMES = {
    **_JOB, "exit": "object", "samples": "object", "dynamics": "object",
    "evidence_exit": "object", "evidence_samples": "object", "evidence_dynamics": "object",
    "onset_exit": "Int64", "onset_samples": "Int64", "onset_dynamics": "Int64",
    "steps": "int64", "total_steps": "Int64", "seconds": "float64",
}  # fmt: skip
_JOBS = {
    **_JOB, "settings": "object", "experiment": "object", "group": "object",
    "profile": "object", "data_name": "object", "data_source": "object", "data_digest": "object",
    "data_count": "Int64", "image_size": "Int64", "channels": "Int64", "declared": "object",
    "claims_digest": "object",
}  # fmt: skip
_SESSIONS = {
    **_JOB, "device": "object", "threads": "Int64", "cpu": "object", "python": "object",
    "torch": "object", "commit": "object", "dirty": "object",
}  # fmt: skip
_NOTES = {**_JOB, "text": "object"}


@dataclass(frozen=True)
class Selected:
    """A job to report on, and the folder that holds its `journal.jsonl` (which need not exist yet)."""

    run: str
    seed: int
    folder: Path
    protocols: Mapping[ScoreKind, str] = field(default_factory=dict)
    """Identity of the protocol that is requested of each kind of score: a journal keeps those of former protocols as
    well. Of a kind that is not here: the one under which most jobs were scored."""


@dataclass(frozen=True)
class Frames:
    """What the journals of some jobs say. `run` is an ordered category: sorting by it keeps the given order.

    Steps are generator steps, `time` is milliseconds since 1970. A missing number is NaN or NA, a missing word None.
    """

    runs: tuple[str, ...]
    """Names of the runs, in the order of the specification."""
    read: Sequence[tuple[Selected, History]]
    """The jobs, in the order given. Each frame is made of them when it is first asked for."""
    _of_seeds: "dict[frozenset[int], Frames]" = field(default_factory=dict, repr=False, compare=False)
    """What `of_seeds` returned, by seeds."""

    @cached_property
    def metrics(self) -> "pd.DataFrame":
        """run, seed, step, metric, value."""
        return _metrics(self.read, self.runs)

    @cached_property
    def evaluations(self) -> "pd.DataFrame":
        """The scores at the end of the trainings, one row a value: run, seed, step, protocol, requested, metric,
        registered, value, num_samples, details, time and seconds. `registered` marks the value that the protocol is
        named after, the Fréchet distance; `num_samples` is its N and `details` the whole protocol; `requested` is the
        identity that the job's `Selected` asks for; `seconds` is the time at work until the step, NaN where its losses
        are not recorded."""
        return self._typed_scores(self.scores(ScoreKind.FINAL).rows)

    @cached_property
    def curve_scores(self) -> "pd.DataFrame":
        """The scores along the runs, with the same columns."""
        return self._typed_scores(self.scores(ScoreKind.CURVE).rows)

    @cached_property
    def images(self) -> "pd.DataFrame":
        """run, seed, step, path: the sample grids, whether the file is still there or not."""
        return _typed(self._rows(_images), _IMAGES, self.runs)

    @cached_property
    def outcomes(self) -> "pd.DataFrame":
        """One row a job, begun or not: run, seed, exit, samples, dynamics, evidence_*, onset_* (steps), steps taken,
        total_steps, seconds (of work, over all sessions). `exit` is also `running` or `new`."""
        return _typed(self.outcome_rows, _OUTCOMES, self.runs)

    @cached_property
    def outcome_rows(self) -> list[Row]:
        """The rows of `outcomes`, without pandas."""
        return self._rows(_outcome)

    @cached_property
    def jobs(self) -> "pd.DataFrame":
        """One row a job begun: run, seed, settings (a dict of those off their defaults), experiment, group,
        profile, data_name, data_source, data_digest, data_count, image_size, channels, declared (the
        `Declaration` of its losses), claims_digest (of all claims that the specification had when it began)."""
        return _typed(self.job_rows, _JOBS, self.runs)

    @cached_property
    def job_rows(self) -> list[Row]:
        """The rows of `jobs`, without pandas."""
        return self._rows(_job)

    @cached_property
    def sessions(self) -> "pd.DataFrame":
        """One row a process: run, seed, device, threads, cpu, python, torch, commit, dirty."""
        return _typed(self._rows(_sessions), _SESSIONS, self.runs)

    @cached_property
    def notes(self) -> "pd.DataFrame":
        """run, seed, text: what a reader should know about a journal (damage, an inexact resume)."""
        return _typed(self._rows(_notes), _NOTES, self.runs)

    def _rows(self, rows_of: Callable[[History], Iterable[Row]]) -> list[Row]:
        return [{"run": s.run, "seed": s.seed, **row} for s, history in self.read for row in rows_of(history)]

    def curve(self, run: str, seed: int, metric: str) -> "pd.Series[float]":
        """One metric of one job by step, NaN included; empty where it was never recorded."""
        rows = self.metrics.take(self._places.get((run, seed, metric), []))
        return rows.set_index("step")["value"]

    @cached_property
    def _places(self) -> Mapping[Any, Any]:
        return self.metrics.groupby(["run", "seed", "metric"], observed=True).indices

    def of_seeds(self, seeds: Iterable[int]) -> "Frames":
        """The frames of the jobs with these seeds."""
        chosen = frozenset(seeds)
        if chosen not in self._of_seeds:
            read = [(selected, history) for selected, history in self.read if selected.seed in chosen]
            self._of_seeds[chosen] = self if len(read) == len(self.read) else Frames(self.runs, read)
        return self._of_seeds[chosen]

    def jobs_of(self, run: str) -> Sequence[Mapping[Any, Any]]:
        """The rows of `outcomes` that belong to a run, by column, seeds as given."""
        return self._jobs_of.get(run, [])

    @cached_property
    def _jobs_of(self) -> Mapping[str, Sequence[Mapping[Any, Any]]]:
        found: dict[str, list[Mapping[Any, Any]]] = defaultdict(list)
        for row in self.outcomes.to_dict("records"):
            found[row["run"]].append(row)
        return found

    def declared(self, run: str) -> list[Declaration]:
        """What the losses of a run mean, each declaration of its jobs once; empty where none has begun."""
        own = self.jobs.loc[self.jobs["run"] == run, "declared"]
        return list({one.objective: one for one in own}.values())

    def data_digest(self, run: str, seed: int) -> str:
        """Of the images of a job that has begun; empty for any other."""
        return self._digests.get((run, seed), "")

    @cached_property
    def _digests(self) -> Mapping[tuple[str, int], str]:
        jobs = self.jobs
        return {
            (run, seed): str(digest)
            for run, seed, digest in zip(jobs["run"], jobs["seed"], jobs["data_digest"], strict=True)
        }

    def scores(self, kind: ScoreKind) -> ScoreTable:
        """The scores of a kind, to be looked up by job."""
        return self._scores[kind]

    @cached_property
    def _scores(self) -> Mapping[ScoreKind, ScoreTable]:
        return {
            kind: ScoreTable.of(
                [
                    {"run": s.run, "seed": s.seed, "requested": s.protocols.get(kind), **row}
                    for s, history in self.read
                    for row in _score_rows(history, kind)
                ]
            )
            for kind in ScoreKind
        }

    def quality(self, kind: ScoreKind = ScoreKind.FINAL) -> "pd.DataFrame":
        """`ScoreTable.compared` of a kind, with the columns of `evaluations`."""
        return self._typed_scores(self.scores(kind).compared)

    def _typed_scores(self, rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
        return _typed([{**row, "seconds": self._seconds_until(row)} for row in rows], _SCORES, self.runs)

    def _seconds_until(self, row: Mapping[str, Any]) -> float:
        losses, work = self._clocks[row["run"], row["seed"]]
        taken = losses.time_at(row["step"])
        return math.nan if taken is None else work(taken)

    @cached_property
    def _clocks(self) -> Mapping[tuple[str, int], tuple[Series, Callable[[float], float]]]:
        return {
            (s.run, s.seed): (history.series.get(LOSS_D, Series()), _work_clock(history))
            for s, history in self.read
        }


def load(selections: Sequence[Selected], read_job: Callable[[Path], History] = job_history) -> Frames:
    """What the journals of some jobs say, in the order given. A missing journal is a job that has not begun.

    Args:
        read_job: job folder -> its history; a store may have read it already.
    """
    runs = tuple(dict.fromkeys(selection.run for selection in selections))
    return Frames(runs, [(selection, read_job(selection.folder)) for selection in selections])


def _typed(
    rows: Sequence[Mapping[str, Any]], schema: Mapping[str, str], runs: tuple[str, ...]
) -> "pd.DataFrame":
    import pandas as pd  # late, as below: it takes half a second, and `ablate status` needs none

    series = {
        name: pd.Series([row[name] for row in rows], dtype=dtype)
        for name, dtype in schema.items()
        if name != "run"
    }
    run = pd.Series(pd.Categorical([row["run"] for row in rows], categories=list(runs), ordered=True))
    return pd.DataFrame({"run": run, **series})


def _metrics(read: Sequence[tuple[Selected, History]], runs: tuple[str, ...]) -> "pd.DataFrame":
    import pandas as pd

    found = [(one, metric, series) for one, history in read for metric, series in history.series.items()]
    counts = [len(series.steps) for *_, series in found]
    metrics = sorted({metric for _, metric, _ in found})
    run_places, metric_places = (
        {name: place for place, name in enumerate(names)} for names in (runs, metrics)
    )

    def repeated(codes: list[int], dtype: str) -> NDArray[Any]:
        return np.repeat(np.array(codes, dtype), counts)

    def joined(parts: Iterable["array[Any]"], dtype: str) -> NDArray[Any]:
        return np.concatenate([np.empty(0, dtype), *parts])

    run_codes = repeated([run_places[one.run] for one, *_ in found], "int32")
    metric_codes = repeated([metric_places[metric] for _, metric, _ in found], "int32")
    columns = {
        "run": pd.Categorical.from_codes(run_codes, categories=pd.Index(runs), ordered=True),
        "seed": repeated([one.seed for one, *_ in found], "int64"),
        "step": joined((series.steps for *_, series in found), "int64"),
        "metric": pd.Categorical.from_codes(metric_codes, categories=pd.Index(metrics)),
        "value": joined((series.values for *_, series in found), "float64"),
    }
    return pd.DataFrame(columns, copy=False)


def _score_rows(history: History, kind: ScoreKind) -> Iterator[Row]:
    for record in history.scores(kind):
        for metric, value in record["values"].items():
            yield {
                "step": record["step"],
                "protocol": record["protocol"],
                "metric": metric,
                "registered": metric == record["metric"],
                "value": float(value),
                "num_samples": record.get("details", {}).get("num_samples"),
                "details": record.get("details", {}),
                "time": record["time"],
            }


def _images(history: History) -> Iterator[Row]:
    for record in history.images:
        with contextlib.suppress(Outside):  # somebody else's store
            yield {"step": record["step"], "path": file_in(history.folder, record["file"])}


def _outcome(history: History) -> Iterator[Row]:
    outcome = history.outcome or {}
    running = history.running_elsewhere or is_running(history.folder)
    exit_ = histories.exit_of(history, running=running)
    row: Row = {"exit": exit_, "seconds": _work_clock(history)(math.inf)}
    for name in ("exit", "samples", "dynamics"):
        row[f"evidence_{name}"] = outcome.get("evidence", {}).get(name)
        row[f"onset_{name}"] = outcome.get("onset", {}).get(name)
    if history.unreadable:
        row["evidence_exit"] = history.unreadable
    if history.outcome is None and exit_ == Exit.INTERRUPTED:
        row["evidence_exit"] = f"its process vanished after step {history.last_step}"
    return iter([{
        **row,
        "samples": None if exit_ == Exit.DIVERGED else outcome.get("samples"),  # older journals say `noise`
        "dynamics": outcome.get("dynamics"),
        "steps": outcome.get("steps", history.last_step),
        "total_steps": history.job.get("total_steps"),
    }])  # fmt: skip


def _work_clock(history: History) -> Callable[[float], float]:
    """Time (ms since 1970) -> seconds at work until then; NaN where no session has begun.

    A session lasts from its beginning to the last record before the next one, and the last session to the outcome:
    scoring kept weights again later does not count.
    """
    if not history.sessions:
        return lambda _: math.nan
    begins: list[int] = [session["time"] for session in history.sessions]
    end = float(history.outcome["time"]) if history.outcome else math.inf

    @cache
    def times() -> list[int]:
        records = [
            *history.evaluations,
            *history.curve,
            *history.images,
            *history.diagnoses,
            history.outcome or history.sessions[-1],
        ]
        columns = {series.times.tobytes() for series in history.series.values()}  # most share one
        return sorted({record["time"] for record in records}.union(*map(_moments, columns)))

    def last_record(until: float) -> float:
        if history.outcome and until == end:
            return end  # without a look at all others
        index = bisect.bisect_right(times(), until)
        return times()[index - 1] if index else -math.inf

    def seconds(until: float) -> float:
        lasts = [last_record(min(until, end, following - 1)) for following in [*begins[1:], math.inf]]
        return sum(max(0, last - begin) for begin, last in zip(begins, lasts, strict=True)) / 1000

    return seconds


def _moments(times: bytes) -> list[int]:
    """Each time once of those that follow each other: the steps of a block share theirs."""
    found = np.frombuffer(times, np.int64)
    moments: list[int] = found[np.diff(found, prepend=found[:1] - 1) != 0].tolist()
    return moments


def _job(history: History) -> Iterator[Row]:
    if not history.job:
        return
    data, name = history.job.get("data", {}), history.names[-1] if history.names else {}
    yield {
        "settings": history.job.get("settings", {}),
        **{key: name.get(key) for key in ("experiment", "group", "profile")},
        **{f"data_{key}": data.get(key) for key in ("name", "source", "digest", "count")},
        **{key: data.get(key) for key in ("image_size", "channels")},
        "declared": Declaration.of(history.job),
        "claims_digest": (history.job.get("claims") or {}).get("sha256"),
    }


def _sessions(history: History) -> Iterator[Row]:
    for record in history.sessions:
        stack, git = record.get("stack", {}), record.get("git", {})
        yield {
            **{key: stack.get(key) for key in ("device", "threads", "cpu", "python", "torch")},
            **{key: git.get(key) for key in ("commit", "dirty")},
        }


def _notes(history: History) -> Iterator[Row]:
    if history.unreadable:
        yield {"text": history.unreadable}
    if history.damaged_lines:
        lines = ", ".join(str(number) for number in history.damaged_lines)
        yield {"text": f"damaged lines of its journal were left out: {lines}"}
    for branch in history.branches:
        yield {
            "text": f"superseded from step {branch['step']} on: {branch.get('reason', 'no reason recorded')}"
        }
    for note in history.notes:
        yield {"text": note["text"]}
