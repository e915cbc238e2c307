"""What can be removed from a store, and why. Finished results are never among it unasked."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablations.jobs.plan import Job
from ablations.jobs.status import same_but_data
from ablations.store import Store, is_running
from ablations.store.history import History, exit_of
from fakeface.files import os_errors
from fakeface.outcomes import COMPLETE


@dataclass(frozen=True)
class Removable:
    """A file or folder that can go."""

    path: Path
    why: str
    bytes: int


def removable(
    store: Store,
    *,
    planned: Sequence[Job] | None,
    within: Callable[[History], bool],
    aside: bool,
) -> list[Removable]:
    """What can go.

    Args:
        planned: all jobs that anything may still ask for: results of others can go, too. None: no results can.
        within: the jobs that this is about.
        aside: also what `--rerun` replaced.
    """
    found = set_aside(store, within) if aside else []
    for folder in store.job_folders():
        history = store.history(folder)
        if is_running(folder) or not within(history):
            continue
        if planned is not None and history.job and not _asked_for(history, planned):
            found.append(_entry(folder, "no run of the specification leads to it any more"))
            continue
        found += [_entry(path, "left by a kill") for path in sorted(folder.rglob("*.tmp"))]
        if exit_of(history, running=False) in COMPLETE:
            why = "the job is done; its results and kept weights stay"
            found += [_entry(path, why) for path in sorted(folder.glob("checkpoint*.pt"))]
    return found


def set_aside(store: Store, within: Callable[[History], bool]) -> list[Removable]:
    """The results that `--rerun` replaced."""
    folders = sorted(store.aside.iterdir()) if store.aside.is_dir() else []
    return [_entry(path, "replaced by --rerun") for path in folders if within(store.history(path))]


def remove(entries: Sequence[Removable]) -> None:
    """Delete them. Raises UserError where the disk refuses."""
    for entry in entries:
        with os_errors(entry.path, "remove it"):
            if entry.path.is_dir():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)


def _asked_for(history: History, planned: Sequence[Job]) -> bool:
    """Whether a job leads to these results. One whose data cannot be looked up may: then the pixels do not count."""
    return any(
        history.job["identity"] == job.identity
        if job.data_digest is not None
        else same_but_data(job, history)
        for job in planned
        if job.seed == history.job["seed"]
    )


def _entry(path: Path, why: str) -> Removable:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return Removable(path, why, sum(file.stat().st_size for file in files))
