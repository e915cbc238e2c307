"""Runs in MLflow, ours or anybody's, read back where the store that trained them is not at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.store import history as histories
from ablations.store.history import History, Series
from ablations.tracking import artifacts, server
from ablations.tracking.content import allowed_name
from ablations.tracking.findings import KIND
from fakeface.errors import UserError
from fakeface.gan.series import SERIES
from fakeface.outcomes import Exit

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

JOURNAL = "journal.jsonl"
EXIT_OF_STATUS = {"FINISHED": Exit.FINISHED, "KILLED": Exit.INTERRUPTED, "FAILED": Exit.CRASHED}
_PAGE = 1_000
_RUNNING = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class TrackedRun:
    """A training as MLflow has it."""

    run: str
    seed: int
    profile: str
    """Empty for a run that is not ours."""
    history: History
    """Its folder is one of the cache, with the sample grids in it."""


def read_runs(uri: str, experiment: str, cache: Path) -> list[TrackedRun]:
    """Every training of an experiment, the oldest first.

    One of ours that nobody works on is exactly what its journal says. Of any other there are the metrics, and how
    MLflow says that it ended; its seed is its param `seed`, or else the first number that no run of its name has.

    Args:
        cache: folder to download to.

    Raises:
        UserError: no such experiment, or MLflow does not answer.
    """
    path = server.database(uri)
    if path is not None and not path.exists():  # MLflow would make an empty one
        raise UserError(f"{uri}: there is no such database")
    with server.settings():
        try:
            client = server.connect(uri)
            found = client.get_experiment_by_name(experiment)
            if found is None:
                known = ", ".join(repr(one.name) for one in client.search_experiments()) or "none"
                raise UserError(f"{uri}: no experiment {experiment!r} (there are: {known})")
            runs = [run for run in _runs(client, found.experiment_id) if _is_training(run)]
            seeds = _seeds(runs)
            return [_read(client, run, cache / run.info.run_id, seeds[run.info.run_id]) for run in runs]
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
    return run.data.tags.get("exit") != "superseded" and KIND not in run.data.tags


def _name(run: "Run") -> str:
    return str(run.data.tags.get("run") or run.info.run_name or run.info.run_id)


def _seeds(runs: list["Run"]) -> Mapping[str, int]:
    """Each run's seed, by its id."""
    given = {run.info.run_id: _whole_number(_seed_text(run)) for run in runs}
    taken = {(_name(run), given[run.info.run_id]) for run in runs}
    seeds = {}
    for run in runs:
        seed = given[run.info.run_id]
        if seed is None:
            seed = next(number for number in range(len(runs) + 1) if (_name(run), number) not in taken)
            taken.add((_name(run), seed))
        seeds[run.info.run_id] = seed
    return seeds


def _seed_text(run: "Run") -> str | None:
    return run.data.tags.get("seed") or run.data.params.get("seed")


def _read(client: "MlflowClient", run: "Run", folder: Path, seed: int) -> TrackedRun:
    ours = "identity" in run.data.tags
    history = _from_journal(client, run, folder) if ours else None
    if history is None:
        history = _from_metrics(client, run, folder, seed)
        if ours and not history.running_elsewhere:
            history.notes.append({"text": "its journal could not be had from MLflow: scores are missing"})
    return TrackedRun(_name(run), seed, run.data.tags.get("profile", ""), history)


def _from_journal(client: "MlflowClient", run: "Run", folder: Path) -> History | None:
    """The journal that lies beside a run; None where there is none, or one that the run has left behind."""
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
    """Put the grids where the journal says that they are. One that MLflow lacks stays away."""
    names = artifacts.image_names(client, run_id)
    for record in history.images:
        path = history.folder / record["file"]
        name = artifacts.image_name(record, names)
        inside = path.resolve().is_relative_to(
            history.folder.resolve()
        )  # a server's journal may say anything
        if name is not None and inside and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(client.download_artifacts(run_id, f"images/{name}", str(history.folder))).replace(path)


def _from_metrics(client: "MlflowClient", run: "Run", folder: Path, seed: int) -> History:
    """What MLflow itself knows of a run."""

    ours = {allowed_name(name): name for name in SERIES}
    history = History(folder / JOURNAL, job={"seed": seed, "time": run.info.start_time})
    for name in run.data.metrics:
        series = history.series.setdefault(ours.get(name, name), Series())
        rows = client.get_metric_history(run.info.run_id, name)
        for row in sorted(rows, key=lambda row: (row.step, row.timestamp)):
            series.add(row.step, row.value, row.timestamp)
    history.sessions.append({"time": run.info.start_time})
    history.running_elsewhere = run.info.status in _RUNNING
    if not history.running_elsewhere:
        steps = max((series.steps[-1] for series in history.series.values()), default=0)
        words = {name: run.data.tags.get(name) for name in ("samples", "dynamics")}
        exit_ = run.data.tags.get("exit") if "identity" in run.data.tags else None
        history.outcome = {
            "exit": exit_ or EXIT_OF_STATUS[run.info.status],
            "steps": steps,
            "time": run.info.end_time or run.info.start_time,
            **words,
        }
    return history


def _whole_number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None
