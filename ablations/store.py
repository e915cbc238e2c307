"""The folder that holds all state, and who may write where.

<store>/jobs/<run>-s<seed>-<identity, 12 digits>/
    journal.jsonl           the truth (ablations/journal.py)
    lock                    held by the process that works on the job; dies with it
    checkpoint.pt           newest state, and checkpoint.previous.pt
    generator-000400.pt     kept weights of G at each evaluation, and at the end
    samples/000400.png      grids on the same noise
<store>/data/               decoded images, one uint8 array per data set
<store>/reference/          statistics of the real images, per data digest and protocol
<store>/mirror/             how far the journals have been shipped, per tracking URI
<store>/mlflow.db, artifacts/   the mirror itself
<store>/report/             the report
<store>/aside/              jobs that `--rerun` replaced
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ablations import history
from ablations.history import History
from fakeface.errors import UserError

IDENTITY_DIGITS = 12


class Store:
    """Names the places. Creates nothing until `prepare`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.jobs = self.root / "jobs"
        self.data = self.root / "data"
        self.reference = self.root / "reference"
        self.mirror = self.root / "mirror"
        self.artifacts = self.root / "artifacts"
        self.report = self.root / "report"

    def prepare(self) -> None:
        """Create the folder. Raises UserError where it cannot be written."""
        try:
            self.jobs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.root}: cannot create the store: {error.strerror}") from error
        if not os.access(self.jobs, os.W_OK):
            raise UserError(f"{self.root}: the store is read-only; choose another with --store")

    @property
    def tracking_uri(self) -> str:
        """The mirror that needs no server: an absolute sqlite URI, since MLflow's default depends on the folder."""
        return f"sqlite:///{self.root / 'mlflow.db'}"

    def job_folders(self) -> Iterator[Path]:
        """The folders of all jobs ever begun, in the order of their names."""
        if self.jobs.is_dir():
            yield from sorted(p for p in self.jobs.iterdir() if p.is_dir())

    def find(self, identity: str) -> Path | None:
        """The folder of the job with this identity, whatever it was called when it began."""
        short = identity[:IDENTITY_DIGITS]
        return next((p for p in self.job_folders() if p.name.endswith(f"-{short}")), None)

    def folder_for(self, run: str, seed: int, identity: str) -> Path:
        """The job's folder, existing or to be created."""
        return self.find(identity) or self.jobs / f"{run}-s{seed}-{identity[:IDENTITY_DIGITS]}"

    def set_aside(self, identity: str) -> Path | None:
        """Move a job's folder out of the way, so that it trains again. Returns where it is now.

        Raises:
            UserError: some process works on it.
        """
        folder = self.find(identity)
        if folder is None:
            return None
        if is_running(folder):
            raise UserError(f"{folder.name}: another process works on it; --rerun cannot set it aside now")
        aside = self.root / "aside" / f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        aside.parent.mkdir(exist_ok=True)
        folder.rename(aside)
        return aside

    def history(self, folder: Path) -> History:
        """The job's journal, read."""
        return history.load(folder / "journal.jsonl")


def job_lock(folder: Path) -> FileLock:
    """The lock of one job. The operating system frees it when its process dies."""
    return FileLock(folder / "lock")


def is_running(folder: Path) -> bool:
    """Whether some process works on the job now."""
    if not (folder / "lock").exists():
        return False
    lock = job_lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a read-only store: nobody can hold a lock there
        return False
    lock.release()
    return False
