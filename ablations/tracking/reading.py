"""Runs in MLflow, ours or anybody's, read back where the store that trained them is not at hand."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations import history as histories
from ablations.history import History, Series
from ablations.tracking import artifacts, server
from ablations.tracking.content import metric_name
from fakeface.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

JOURNAL = "journal.jsonl"
EXIT_OF_STATUS = {"FINISHED": "finished", "KILLED": "interrupted", "FAILED": "crashed"}
_PAGE = 1_000
_FINDINGS = ("study", "report")
"""Tags of runs that are no training."""


@dataclass(frozen=True)
class TrackedRun:
    """A training as MLflow has it."""

    run: str
    seed: int
    history: History
    """Its folder is one of the cache, with the sample grids in it."""


def read_runs(uri: str, experiment: str, cache: Path) -> list[TrackedRun]:
    """Every training of an experiment, the oldest first.

    One of ours that has ended is exactly what its journal says. Of any other there are the metrics, and how MLflow
    says that it ended; its seed is its param `seed`, or else counts the runs of its name.

    Args:
        cache: folder to download to.

    Raises:
        UserError: no such experiment, or MLflow does not answer.
    """
    with server.settings():
        try:
            client = server.connect(uri)
            found = client.get_experiment_by_name(experiment)
            if found is None:
                known = ", ".join(repr(one.name) for one in client.search_experiments()) or "none"
                raise UserError(f"{uri}: no experiment {experiment!r} (there are: {known})")
            runs = [run for run in _runs(client, found.experiment_id) if _is_training(run)]
            seen: Counter[str] = Counter()
            return [_read(client, run, cache / run.info.run_id, seen) for run in runs]
        except UserError:
            raise
        except Exception as error:  # MLflow's, the network's or the database's: many kinds, one meaning
            raise UserError(f"{uri}: cannot read {experiment!r}: {server.in_words(error)}") from error


def _runs(client: "MlflowClient", experiment: str) -> Iterator["Run"]:
    token = None
    while True:
        page = client.search_runs(
            [experiment], max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _is_training(run: "Run") -> bool:
    tags = run.data.tags
    return tags.get("exit") != "superseded" and not any(name in tags for name in _FINDINGS)


def _read(client: "MlflowClient", run: "Run", folder: Path, seen: Counter[str]) -> TrackedRun:
    tags, run_id = run.data.tags, run.info.run_id
    name = tags.get("run") or run.info.run_name or run_id
    seed = _whole_number(tags.get("seed") or run.data.params.get("seed"))
    if seed is None:
        seed = seen[name]
    seen[name] += 1
    files = {info.path for info in client.list_artifacts(run_id)}
    if JOURNAL not in files:
        return TrackedRun(name, seed, _from_metrics(client, run, folder, seed))
    folder.mkdir(parents=True, exist_ok=True)
    client.download_artifacts(run_id, JOURNAL, str(folder))
    history = histories.load(folder / JOURNAL)
    if history.images:
        _download_images(client, run_id, history)
    return TrackedRun(name, seed, history)


def _download_images(client: "MlflowClient", run_id: str, history: History) -> None:
    """Put the grids where the journal says that they are. One that MLflow lacks stays away."""
    names = artifacts.image_names(client, run_id)
    for record in history.images:
        path = history.folder / record["file"]
        name = artifacts.image_name(record, names)
        if name is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(client.download_artifacts(run_id, f"images/{name}", str(history.folder))).replace(path)


def _from_metrics(client: "MlflowClient", run: "Run", folder: Path, seed: int) -> History:
    """What MLflow itself knows of a run."""
    from fakeface.training import PROBE_METRICS, STEP_METRICS  # late: it loads torch

    ours = {metric_name(name): name for name in (*STEP_METRICS, *PROBE_METRICS)}
    history = History(folder / JOURNAL, job={"seed": seed, "time": run.info.start_time})
    for name in run.data.metrics:
        series = history.series.setdefault(ours.get(name, name), Series())
        rows = client.get_metric_history(run.info.run_id, name)
        for row in sorted(rows, key=lambda row: (row.step, row.timestamp)):
            series.add(row.step, row.value, row.timestamp)
    history.sessions.append({"time": run.info.start_time})
    exit_ = EXIT_OF_STATUS.get(run.info.status)
    if exit_ is not None:
        steps = max((series.steps[-1] for series in history.series.values()), default=0)
        history.outcome = {"exit": exit_, "steps": steps, "time": run.info.end_time or run.info.start_time}
    return history


def _whole_number(text: Any) -> int | None:
    try:
        return int(str(text))
    except ValueError:
        return None
