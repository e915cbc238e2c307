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
<store>/studies/<study>-<digest>/   Optuna's journal of a study, and study.json, what it found
<store>/aside/              jobs that `--rerun` replaced
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ablations.store import history
from ablations.store.history import History
from fakeface import data
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors

IDENTITY_DIGITS = 12


@dataclass(frozen=True)
class FoundData:
    """What a look at the prepared data came to."""

    images: ImageSet | None
    why: str = ""
    """Why there are none that can be used, with the way out."""


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
        self.studies = self.root / "studies"
        self.aside = self.root / "aside"

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

    def mirror_of(self, uri: str) -> Path:
        """Where it is noted how far things have been shipped to a tracking URI."""
        return self.mirror / hashlib.sha256(uri.encode()).hexdigest()[:12]

    def job_folders(self) -> Iterator[Path]:
        """The folders of all jobs ever begun, in the order of their names."""
        if self.jobs.is_dir():
            yield from sorted(p for p in self.jobs.iterdir() if p.is_dir())

    def study_folders(self) -> Iterator[Path]:
        """The folders of all studies, in the order of their names."""
        if self.studies.is_dir():
            yield from sorted(p for p in self.studies.iterdir() if p.is_dir())

    def find(self, identity: str) -> Path | None:
        """The folder of the job with this identity, whatever it was called when it began."""
        short = identity[:IDENTITY_DIGITS]
        return next((p for p in self.job_folders() if p.name.endswith(f"-{short}")), None)

    def folder_for(self, run: str, seed: int, identity: str) -> Path:
        """The job's folder, existing or to be created."""
        return self.find(identity) or self.jobs / f"{run}-s{seed}-{identity[:IDENTITY_DIGITS]}"

    def set_aside(self, identities: Sequence[str]) -> list[Path]:
        """Move the folders of these jobs out of the way, so that they train again: all of them, or none.

        Returns where they are now.

        Raises:
            UserError: some process works on one of them, or the store cannot be written.
        """
        folders = [folder for folder in map(self.find, identities) if folder is not None]
        with ExitStack() as locks, os_errors(self.root, "set results aside"):
            for folder in folders:  # every lock is held before the first folder moves
                try:
                    locks.enter_context(job_lock(folder).acquire(timeout=0))
                except Timeout:
                    words = "another process works on it; --rerun cannot set it aside now"
                    raise UserError(f"{folder.name}: {words}") from None
            when = time.strftime("%Y%m%d-%H%M%S")
            self.aside.mkdir(exist_ok=True)
            # A random part, since two commands may set the same job aside within a second.
            return [
                folder.rename(self.aside / f"{folder.name}-{when}-{secrets.token_hex(2)}")
                for folder in folders
            ]

    def find_data(self, config: DataConfig) -> FoundData:
        """Look prepared images up without reading their pixels. Never raises: what is unusable counts as absent."""
        try:
            images = data.find(config, self.data, verify=False)
        except UserError as error:
            return FoundData(None, str(error).splitlines()[0])
        return FoundData(images, "" if images else "not prepared yet: `ablate data prepare` does that")

    def history(self, folder: Path) -> History:
        """The job's journal, read."""
        return history.job_history(folder)


class Snapshot(Store):
    """A store as one command reads it that changes nothing: each journal is parsed, each data set looked up, once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._histories: dict[Path, History] = {}
        self._data: dict[DataConfig, FoundData] = {}

    def history(self, folder: Path) -> History:
        if folder not in self._histories:
            self._histories[folder] = super().history(folder)
        return self._histories[folder]

    def find_data(self, config: DataConfig) -> FoundData:
        key = data_key(config)
        if key not in self._data:
            self._data[key] = super().find_data(key)
        return self._data[key]


def data_key(config: DataConfig) -> DataConfig:
    """What decides the cached array: runs that differ in scaling or subset alone share it."""
    return config.model_copy(update={"scaling": "symmetric", "limit": None, "fraction": 1.0})


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
