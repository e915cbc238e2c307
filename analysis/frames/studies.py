"""What a study found, read back from its `study.json`: trials, trainings, edges and confirmations as frames.

The file is written by `ablate tune` at the end of each of its parts, so a study that was interrupted has one too, with
what was known by then. A number that was not measured is NaN in the frames and None elsewhere.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from fakeface.config import TrainingConfig
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.outcomes import Dynamics, Exit

Side = Literal["lower", "upper"]
SIDES: tuple[Side, ...] = ("lower", "upper")

_NUMBERS = (
    "onset", "steps", "total_steps", "quality", "spectrum_distance", "update_ratio_G", "update_ratio_D"
)  # fmt: skip
_WORDS = ("seed", "exit", "samples", "dynamics", "regime", "evidence")


@dataclass(frozen=True)
class WindowEdge:
    """Where training begins ("lower") or ceases ("upper") to work, in the units of the searched setting."""

    side: Side
    estimate: float | None
    """None where it was not located."""
    low: float | None
    """Lower end of the interval; None where the data set no bound."""
    high: float | None
    level: float | None
    """Confidence of the interval, 0.95 say."""
    tried: tuple[tuple[float, bool], ...]
    """The trainings on this side, those of the search included: the setting, and whether it worked."""


@dataclass(frozen=True)
class Confirmed:
    """A setting trained with seeds that the search never used."""

    name: str
    params: Mapping[str, Any]
    seeds: tuple[int, ...]
    values: tuple[float | None, ...]
    """Fréchet distance by seed; None where a training gave none."""
    value: float | None
    """Their mean; None unless every seed gave one."""
    outcomes: tuple[tuple[str | None, ...], ...]
    """Exit, samples and dynamics by seed."""

    @property
    def known(self) -> tuple[float, ...]:
        """The distances of the seeds that gave one."""
        return tuple(value for value in self.values if value is not None)


@dataclass(frozen=True)
class StudyResult:
    """A search over settings of one run, and what it found by now."""

    name: str
    description: str
    base: str
    """Run whose settings are searched."""
    optimizer: str
    metric: str
    """Registered name of the Fréchet distance."""
    num_samples: int | None
    total_steps: int
    """Generator steps of a training that is not cut short."""
    objective: str
    """What is minimised: `quality` or `spectrum_distance`."""
    space: Mapping[str, Mapping[str, Any]]
    """Searched settings by dotted path: `low`, `high`, `log`, `choices`, `effective`."""
    axis: str | None
    """The one number that is searched by its logarithm, if nothing else is."""
    planned_trials: int
    trials: pd.DataFrame
    """One row a trial, in order: number, state, enqueued, at_defaults, regime, cut (why, or empty), measured (its
    value, NaN for a failure), quality (mean over seeds), steps, full_steps (had none been cut), and a column for each
    searched path."""
    trainings: pd.DataFrame
    """One row a training of the searched run: source (search, lower, upper, best), trial (-1 beside the search),
    enqueued, cut (whether), seed, exit, samples, dynamics, regime, evidence, onset, steps, total_steps, quality,
    spectrum_distance, update_ratio_G, update_ratio_D, and a column for each searched path."""
    importances: Mapping[str, float]
    """Share of each searched path in the differences between values; empty where too few trials have ended."""
    edges: Mapping[Side, WindowEdge]
    """By side; empty where none was looked for, or not yet."""
    best: Confirmed | None
    reference: Confirmed | None
    reference_name: str | None
    """The run or study that it is held against."""
    profile: str | None
    data_digest: str
    """SHA-256 of the training images."""

    @property
    def protocol(self) -> str:
        """The quality metric with its N: `fid (N = 10,000)`."""
        return self.metric if self.num_samples is None else f"{self.metric} (N = {self.num_samples:,})"

    @property
    def steps_spent(self) -> int:
        """Generator steps that the search took."""
        return int(self.trials["steps"].sum())

    @property
    def full_steps(self) -> int:
        """Generator steps that the same trainings would have taken if none had been pruned.

        Seeds that were never started, because an earlier one failed, count in neither.
        """
        return int(self.trials["full_steps"].sum())


def read(path: Path) -> StudyResult:
    """Read a `study.json`. Raises UserError where there is none, or it is not one."""
    if not path.is_file():
        raise UserError(f"{path}: no such study; `ablate tune` with the study's name searches and writes it")
    with os_errors(path, "read the study"):
        body = path.read_bytes()
    try:
        return from_record(json.loads(body))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not the record of a study ({type(error).__name__}: {error}); run `ablate tune` on the study "
            "again, which writes it anew and trains nothing twice"
        ) from error


def from_record(record: Mapping[str, Any]) -> StudyResult:
    """The study that a record of `ablate tune` holds. Raises KeyError, TypeError or ValueError on other content."""
    space: dict[str, Any] = dict(record["space"])
    objective = record["objective"]["name"]
    axis = record["axis"]
    edges = {side: _edge(side, record["edges"][side]) for side in SIDES if side in record["edges"]}
    return StudyResult(
        name=record["study"],
        description=record["description"],
        base=record["base"],
        optimizer=record["optimizer"],
        metric=record["metric"],
        num_samples=record["num_samples"],
        total_steps=int(record["total_steps"]),
        objective=objective,
        space=space,
        axis=axis,
        planned_trials=int(record["planned_trials"]),
        trials=_trials(record["trials"], tuple(space), objective),
        trainings=_trainings(record, tuple(space)),
        importances=dict(record["importances"]),
        edges=edges,
        best=_confirmed(record["best"]),
        reference=_confirmed(record["reference"]),
        reference_name=record["reference_name"],
        profile=record["profile"],
        data_digest=record["data_digest"],
    )


def best_searched(study: StudyResult) -> Mapping[Any, Any] | None:
    """The row of the trial with the lowest value that was measured; None where there is none."""
    measured = study.trials.dropna(subset=["measured"])
    return None if measured.empty else measured.sort_values(["measured", "number"]).to_dict("records")[0]


def _trials(records: Sequence[Mapping[str, Any]], paths: Sequence[str], objective: str) -> pd.DataFrame:
    rows = []
    for trial in records:
        results = trial["results"]
        known = [result["quality"] for result in results if result["quality"] is not None]
        rows.append(
            {
                "number": int(trial["number"]),
                "state": trial["state"],
                "enqueued": bool(trial["enqueued"]),
                "at_defaults": _at_defaults(trial["settings"], paths),
                "regime": trial["regime"],
                "cut": trial["cut"],
                "measured": _measured(trial, objective),
                "quality": float(np.mean(known)) if known else math.nan,
                "steps": sum(result["steps"] for result in results),
                "full_steps": sum(_full_steps(result) for result in results),
            }
            | {path: trial["params"].get(path) for path in paths}
        )
    columns = [
        "number", "state", "enqueued", "at_defaults", "regime", "cut", "measured", "quality", "steps",
        "full_steps", *paths,
    ]  # fmt: skip
    dtypes = {"enqueued": bool, "at_defaults": bool, "measured": float, "quality": float}
    frame = pd.DataFrame(rows, columns=columns, dtype=object).astype(
        dtypes
    )  # of objects, lest None become NaN
    return frame.sort_values("number", ignore_index=True)


def _trainings(record: Mapping[str, Any], paths: Sequence[str]) -> pd.DataFrame:
    """Every training of the searched run; those of the reference are of another one."""
    rows = []
    for trial in record["trials"]:
        rows += [
            _training(result, "search", trial["params"], paths, int(trial["number"]), bool(trial["enqueued"]))
            for result in trial["results"]
        ]
    for side in SIDES:
        for result in record["edges"].get(side, {}).get("results", []):
            rows.append(_training(result, side, {record["axis"]: result["x"]}, paths))
    best = record["best"] or {"results": [], "params": {}}
    rows += [_training(result, "best", best["params"], paths) for result in best["results"]]
    columns = ["source", "trial", "enqueued", "cut", *_WORDS, *_NUMBERS, *paths]
    dtypes = {"enqueued": bool, "cut": bool} | dict.fromkeys(_NUMBERS, float)
    return pd.DataFrame(rows, columns=columns, dtype=object).astype(dtypes)


def _training(
    result: Mapping[str, Any],
    source: str,
    params: Mapping[str, Any],
    paths: Sequence[str],
    trial: int = -1,
    enqueued: bool = False,
) -> dict[str, Any]:
    return (
        {"source": source, "trial": trial, "enqueued": enqueued, "cut": result["exit"] == Exit.PRUNED}
        | {name: result[name] for name in (*_WORDS, *_NUMBERS)}
        | {path: params.get(path) for path in paths}
    )


def _full_steps(result: Mapping[str, Any]) -> int:
    """What a training would have taken had it not been cut; one that diverged ends by itself."""
    return int(result["total_steps"] if result["exit"] == Exit.PRUNED else result["steps"])


def _measured(trial: Mapping[str, Any], objective: str) -> float:
    """A trial's value if it was measured; NaN where the sampler was told how bad a failure is instead."""
    failed = any(
        result[objective] is None
        or result["exit"] == Exit.DIVERGED
        or result["dynamics"] == Dynamics.DISCRIMINATOR_WON
        for result in trial["results"]
    )
    ended = trial["state"] == "complete" and trial["results"] and trial["value"] is not None
    return float(trial["value"]) if ended and not failed else math.nan


def _edge(side: Side, record: Mapping[str, Any]) -> WindowEdge:
    """An edge; ends of the interval at 0 or infinity are none, for they were found on a logarithm."""
    bounds = {name: _positive(record[name]) for name in ("estimate", "low", "high")}
    tried = tuple((float(one["x"]), bool(one["worked"])) for one in record["tried"])
    return WindowEdge(side=side, level=record["level"], tried=tried, **bounds)


def _positive(value: float | None) -> float | None:
    return float(value) if value is not None and 0 < value < math.inf else None


def _confirmed(record: Mapping[str, Any] | None) -> Confirmed | None:
    """A confirmation of which at least one training has ended."""
    if not record or not record["seeds"]:
        return None
    return Confirmed(
        name=record["name"],
        params=dict(record["params"]),
        seeds=tuple(record["seeds"]),
        values=tuple(record["values"]),
        value=record["value"],
        outcomes=tuple(tuple(words) for words in record["outcomes"]),
    )


def _at_defaults(settings: Mapping[str, Any], paths: Sequence[str]) -> bool:
    """Whether the searched settings are the documented defaults, which are the report's own."""
    optimizer = TrainingConfig().optimizer
    plain = {"optimizer": optimizer, "G": optimizer.for_network("G"), "D": optimizer.for_network("D")}
    for path in paths:
        room, _, name = path.rpartition(".")
        owner = plain.get(room.removeprefix("optimizer."))
        if owner is None or path not in settings or getattr(owner, name, None) != settings[path]:
            return False
    return bool(paths)
