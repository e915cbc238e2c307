"""What can be removed from a store, and why. Finished results are never among it unasked."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablations.history import exit_of
from ablations.plan import Job
from ablations.state import COMPLETE
from ablations.store import Store, is_running


@dataclass(frozen=True)
class Removable:
    """A file or folder that can go."""

    path: Path
    why: str
    bytes: int


def removable(store: Store, planned: Sequence[Job], *, stale: bool) -> list[Removable]:
    """What can go.

    Args:
        planned: jobs of the whole specification, for telling which results are still asked for.
        stale: also the results of jobs that no run of the specification leads to any more.
    """
    identities = {job.identity for job in planned if job.data_digest is not None}
    found = [*_aside(store)]
    for folder in store.job_folders():
        if is_running(folder):
            continue
        history = store.history(folder)
        if stale and history.job and history.job["identity"] not in identities:
            found.append(_entry(folder, "no run of the specification leads to it any more"))
            continue
        found += [_entry(path, "left by a kill") for path in sorted(folder.rglob("*.tmp"))]
        if exit_of(history, running=False) in COMPLETE:
            why = "the job is done; its results and kept weights stay"
            found += [_entry(path, why) for path in sorted(folder.glob("checkpoint*.pt"))]
    return found


def remove(entries: Sequence[Removable]) -> None:
    """Delete them."""
    for entry in entries:
        if entry.path.is_dir():
            shutil.rmtree(entry.path)
        else:
            entry.path.unlink(missing_ok=True)


def _aside(store: Store) -> Iterator[Removable]:
    folder = store.root / "aside"
    if folder.is_dir():
        yield from (_entry(path, "replaced by --rerun") for path in sorted(folder.iterdir()))


def _entry(path: Path, why: str) -> Removable:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return Removable(path, why, sum(file.stat().st_size for file in files))
