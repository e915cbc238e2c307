"""Reads trainings back from MLflow, where the store that trained them is not available."""

import contextlib
import itertools
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.store import Outside, file_in
from ablations.store import history as histories
from ablations.store.history import History, Series
from ablations.store.journal import Record
from ablations.tracking import artifacts, server
from ablations.tracking.content import OBJECTIVE, SUPERSEDED, allowed_name
from ablations.tracking.refusals import in_words
from ablations.tracking.results import KIND
from fakeface.errors import UserError
from fakeface.gan.series import SERIES
from fakeface.outcomes import Exit
from fakeface.terminal import printable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

JOURNAL = "journal.jsonl"
EXIT_OF_STATUS = {"FINISHED": Exit.FINISHED, "KILLED": Exit.INTERRUPTED, "FAILED": Exit.CRASHED}
_PAGE = 1_000
_RUNNING = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class TrackedRun:
    """A training in MLflow."""

    run: str
    seed: int
    profile: str
    """Empty for a run that ablate did not train."""
    history: History
    """Its folder is one of the cache, with the sample grids in it."""


def read_runs(uri: str, experiment: str, cache: Path) -> list[TrackedRun]:
    """Every training of an experiment, the oldest first.

    A run that ablate trained and that is not running is what its journal says. Of any other run there are the metrics
    and MLflow's status; its seed is its param `seed`, or else the first number that no run of its name has.

    Args:
        cache: folder to download to.

    Raises:
        UserError: the experiment does not exist, or MLflow does not answer.
    """
    path = server.database(uri)
    if path is not None and not path.is_file():  # MLflow would create an empty one
        raise UserError(f"{uri}: there is no such database")
    if path is not None and (path.parent / "jobs").is_dir():  # a store, which may have been moved
        with contextlib.suppress(sqlite3.OperationalError):  # a store that is read-only
            server.relocate(path)
    with server.settings():
        try:
            client = server.connect(uri)
            found = client.get_experiment_by_name(experiment)
            if found is None:
                known = ", ".join(repr(one.name) for one in client.search_experiments()) or "none"
                raise UserError(f"{printable(uri)}: no experiment {experiment!r} (there are: {known})")
            runs = [run for run in _runs(client, found.experiment_id) if _is_training(run)]
            return [
                TrackedRun(
                    _name(run), seed, run.data.tags.get("profile", ""), _history(client, run, cache, seed)
                )
                for run, seed in zip(runs, _seeds(runs), strict=True)
            ]
        except UserError:
            raise
        except Exception as error:  # of MLflow, the network or the database
            raise UserError(
                f"{printable(uri)}: cannot read {experiment!r}: {in_words(error, uri)}"
            ) from error


def _runs(client: "MlflowClient", experiment: str) -> Iterator["Run"]:
    token = None
    while True:
        order = ["attributes.start_time ASC"]
        page = client.search_runs([experiment], max_results=_PAGE, order_by=order, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _is_training(run: "Run") -> bool:
    return run.data.tags.get("exit") != SUPERSEDED and KIND not in run.data.tags


def _is_ours(run: "Run") -> bool:
    return "identity" in run.data.tags


def _name(run: "Run") -> str:
    return str(run.data.tags.get("run") or run.info.run_name or run.info.run_id)


def _seeds(runs: list["Run"]) -> list[int]:
    given = [run.data.tags.get("seed") or run.data.params.get("seed") or "" for run in runs]
    taken = {(_name(run), int(seed)) for run, seed in zip(runs, given, strict=True) if seed.isdecimal()}
    seeds = []
    for run, text in zip(runs, given, strict=True):
        free = (number for number in itertools.count() if (_name(run), number) not in taken)
        seeds.append(int(text) if text.isdecimal() else next(free))
        taken.add((_name(run), seeds[-1]))
    return seeds


def _history(client: "MlflowClient", run: "Run", cache: Path, seed: int) -> History:
    if not re.fullmatch(r"\w+", run.info.run_id):  # it becomes a folder's name
        raise UserError(
            f"the server has a run with the id {printable(run.info.run_id)}, which is not one of MLflow's"
        )
    folder = cache / run.info.run_id
    history = _from_journal(client, run, folder) if _is_ours(run) else None
    if history is None:
        history = _from_metrics(client, run, folder, seed)
        if _is_ours(run) and not history.running_elsewhere:
            history.notes.append({"text": "MLflow does not have its journal: scores are missing"})
    return history


def _from_journal(client: "MlflowClient", run: "Run", folder: Path) -> History | None:
    """The uploaded journal; None if there is none, or the run has continued since."""
    run_id = run.info.run_id
    if run.info.status in _RUNNING or JOURNAL not in {file.path for file in client.list_artifacts(run_id)}:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    client.download_artifacts(run_id, JOURNAL, str(folder))
    history = histories.load(folder / JOURNAL)
    if not history.job:
        return None
    if history.images:
        _download_images(client, run_id, history)
    return history


def _download_images(client: "MlflowClient", run_id: str, history: History) -> None:
    """Put the grids that MLflow has where the journal expects them."""
    names = artifacts.image_names(client, run_id)
    for record in history.images:
        try:
            path = file_in(history.folder, record["file"])
        except Outside:
            continue
        name = artifacts.image_name(record, names)
        if name is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(client.download_artifacts(run_id, f"images/{name}", str(history.folder))).replace(path)


def _from_metrics(client: "MlflowClient", run: "Run", folder: Path, seed: int) -> History:
    """Metrics under our names where they are ours, and an outcome from MLflow's status."""
    ours = {allowed_name(name): name for name in SERIES}
    job: Record = {"seed": seed, "time": run.info.start_time}
    with contextlib.suppress(KeyError, ValueError):  # another's run, or another's tag
        job["objective"] = json.loads(run.data.tags[OBJECTIVE])
    history = History(folder / JOURNAL, job=job)
    for name in run.data.metrics:
        series = history.series.setdefault(ours.get(name, name), Series())
        rows = client.get_metric_history(run.info.run_id, name)
        for row in sorted(rows, key=lambda row: (row.step, row.timestamp)):
            series.add(row.step, row.value, row.timestamp)
    history.sessions.append({"time": run.info.start_time})
    history.running_elsewhere = run.info.status in _RUNNING
    if not history.running_elsewhere:
        tags = run.data.tags
        history.outcome = {
            "exit": (_is_ours(run) and tags.get("exit")) or EXIT_OF_STATUS[run.info.status],
            "steps": max((series.steps[-1] for series in history.series.values()), default=0),
            "time": run.info.end_time or run.info.start_time,
            "samples": tags.get("samples"),
            "dynamics": tags.get("dynamics"),
        }
    return history
