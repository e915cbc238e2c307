"""The folder that holds all state.

<store>/jobs/<run>-s<seed>-<identity, 12 digits>/
    journal.jsonl           everything that was recorded (store/journal.py)
    lock                    held by the process that runs the job; freed when it dies
    checkpoint.pt           newest state, and checkpoint.previous.pt
    generator-000400.pt     kept weights of G at each score along the run and at the end
    samples/000400.png      grids, all from the same noise
<store>/.ablate-store       marks a store, so that its pictures are never read as data
<store>/data/               decoded images, one uint8 array per data set
<store>/reference/          statistics of the real images, per data digest and protocol
<store>/mirror/             how far the journals have been shipped, per tracking URI
<store>/mlflow.db, artifacts/   the mirror itself
<store>/report/             the report
<store>/studies/<study>-<digest>/   Optuna's journal of a study, and its result in study.json
<store>/looks/<claim>-<digest>/     the looks at a claim on the same trainings (store/looks.py)
<store>/aside/              archived jobs, which `--rerun` or a merge replaced
<store>/export.json         marks an export, and says of its trainings what else code and data say
<store>/merging/            what `ablate merge` is copying; left only by a kill
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from filelock import Timeout

from ablations.store import exported, history, journal
from ablations.store.exported import Recorded
from ablations.store.history import History
from ablations.store.inside import is_real_folder, real_folders
from ablations.store.journal import Record
from ablations.store.locks import job_lock
from fakeface import data
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.terminal import without_credentials

IDENTITY_DIGITS = 12


@dataclass(frozen=True)
class FoundData:
    """The result of looking up prepared data."""

    images: ImageSet | None
    why: str = ""
    """Why there are no usable images, and what to do."""


class Store:
    """Paths in the store, and lookups. Creates nothing before `prepare`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.jobs = self.root / "jobs"
        self.data = self.root / "data"
        self.reference = self.root / "reference"
        self.mirror = self.root / "mirror"
        self.artifacts = self.root / "artifacts"
        self.report = self.root / "report"
        self.studies = self.root / "studies"
        self.looks = self.root / "looks"
        self.aside = self.root / "aside"
        self.merging = self.root / "merging"

    @cached_property
    def recorded(self) -> Recorded | None:
        """What was recorded of the trainings, if this is an export. Raises UserError if that is damaged."""
        return exported.recorded_in(self.root)

    def prepare(self) -> None:
        """Create the folder. Raises UserError if it cannot be written, or is an export."""
        if self.recorded:
            raise UserError(
                f"{self.root}: an export, which is only for reading; name the store of new trainings with --store"
            )
        try:
            self.jobs.mkdir(parents=True, exist_ok=True)
            if not (self.root / data.STORE_MARK).exists() and os.access(self.root, os.W_OK):
                (self.root / data.STORE_MARK).touch()
        except OSError as error:
            raise UserError(f"{self.root}: cannot create the store: {error.strerror}") from error
        if not os.access(self.jobs, os.W_OK):
            raise UserError(f"{self.root}: the store is read-only; choose another with --store")

    @property
    def tracking_uri(self) -> str:
        """The default mirror: an absolute sqlite URI, since MLflow's own default depends on the working directory."""
        return f"sqlite:///{self.root / 'mlflow.db'}"

    def mirror_of(self, uri: str) -> Path:
        """The folder that notes how far everything has been shipped to a tracking URI.

        The store's own database is noted as such, so that a store that was moved or copied knows what it holds.
        """
        if uri == self.tracking_uri:
            return self.mirror / "own"
        return self.mirror / hashlib.sha256(without_credentials(uri).encode()).hexdigest()[:12]

    def job_folders(self) -> Iterator[Path]:
        """The folders of all jobs, sorted by name."""
        yield from real_folders(self.jobs)

    def study_folders(self) -> Iterator[Path]:
        """The folders of all studies, sorted by name."""
        yield from real_folders(self.studies)

    def look_folders(self) -> Iterator[Path]:
        """The folders of the looks at all claims, sorted by name."""
        yield from real_folders(self.looks)

    def looks_at(self, digest: str) -> Path | None:
        """The folder of the looks at the claim with this digest, under whatever name; None if there is none."""
        ends = f"-{digest[:IDENTITY_DIGITS]}"
        return next((folder for folder in self.look_folders() if folder.name.endswith(ends)), None)

    def aside_folders(self) -> Iterator[Path]:
        """The folders of the jobs that `--rerun` replaced, sorted by name."""
        yield from real_folders(self.aside)

    def aside_by_name(self) -> Mapping[str, Sequence[Path]]:
        """The `aside_folders` by the name that each had in `jobs/`."""
        found: dict[str, list[Path]] = {}
        for folder in self.aside_folders():
            found.setdefault(folder.name.rsplit("-", 3)[0], []).append(folder)
        return found

    def find(self, identity: str) -> Path | None:
        """The folder of the job with this identity, under whatever name it began; None if there is none."""
        alike = sorted(self.jobs.glob(f"*-{identity[:IDENTITY_DIGITS]}"))
        return next(filter(is_real_folder, alike), None)

    def _by_identity(self) -> Mapping[str, Path]:
        return {folder.name.rpartition("-")[2]: folder for folder in reversed([*self.job_folders()])}

    def named(self, run: str, profile: str, seed: int, overrides: Sequence[str]) -> Sequence[History]:
        """The histories of the jobs that a plan gave this name, with the same `--set`."""
        return self._by_name().get((run, profile, seed, *overrides), ())

    def _by_name(self) -> Mapping[tuple[Any, ...], list[History]]:
        found: dict[tuple[Any, ...], list[History]] = {}
        for read in map(self.history, self.job_folders()):
            for name in read.names:
                key = (name["run"], name["profile"], read.job.get("seed"), *name.get("overrides", ()))
                found.setdefault(key, []).append(read)
        return found

    def folder_for(self, run: str, seed: int, identity: str) -> Path:
        """The job's folder, whether or not it exists. Reads no list of all jobs if it has the usual name."""
        usual = self.jobs / f"{run}-s{seed}-{identity[:IDENTITY_DIGITS]}"
        return usual if is_real_folder(usual) else self.find(identity) or usual

    def archive(self, identities: Sequence[str]) -> list[Path]:
        """Move the folders of these jobs to `aside/`, so that they train again: all of them, or none.

        Returns their new paths.

        Raises:
            UserError: a process is running one of them, or the store cannot be written.
        """
        found = self._by_identity()
        folders = [found[short] for one in identities if (short := one[:IDENTITY_DIGITS]) in found]
        with ExitStack() as locks, os_errors(self.root, "archive results"):
            for folder in folders:  # every lock is held before the first folder moves
                try:
                    locks.enter_context(job_lock(folder).acquire(timeout=0))
                except Timeout:
                    words = "another process is running it, so --rerun cannot replace it now"
                    raise UserError(f"{folder.name}: {words}") from None
            return [self.set_aside(folder) for folder in folders]

    def set_aside(self, folder: Path) -> Path:
        """Move a job's folder to `aside/`, and return its new path. The caller holds the job's lock.

        Raises:
            OSError: the store cannot be written.
        """
        self.aside.mkdir(exist_ok=True)
        when = time.strftime("%Y%m%d-%H%M%S")
        # A random part, since two commands may archive the same job within a second.
        return folder.rename(self.aside / f"{folder.name}-{when}-{secrets.token_hex(2)}")

    def find_data(self, config: DataConfig) -> FoundData:
        """Look up prepared images without reading their pixels. Never raises: unusable images count as absent.

        Those of an export have no pixels.
        """
        if self.recorded and (images := self.recorded.images(data_key(config))):
            return FoundData(images)
        try:
            images = data.find(config, self.data, verify=False)
        except UserError as error:
            return FoundData(None, str(error).splitlines()[0])
        return FoundData(images, "" if images else "not prepared yet: `ablate run` does that first")

    def history(self, folder: Path) -> History:
        """The job's journal, read; see `job_history`."""
        read = history.job_history(folder)
        try:
            for record in (read.job, *read.evaluations, *read.curve):
                exported.complete(record, self.recorded)
        except UserError as error:
            return History(read.path, unreadable=f"{read.path}: {error}")
        return read

    def job_record(self, folder: Path) -> Record | None:
        """The `job` record alone; None if there is none, or if it is damaged.

        Raises:
            UserError: as `journal.first` and `exported.complete`.
        """
        record = journal.first(folder / "journal.jsonl")
        if record is None or record["kind"] != "job":
            return None
        exported.complete(record, self.recorded)
        return record


class Snapshot(Store):
    """A store for a command that changes nothing: looks up jobs, journals and data sets once each."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._by_identity = cache(super()._by_identity)  # type: ignore[method-assign]
        self._by_name = cache(super()._by_name)  # type: ignore[method-assign]
        self._histories: dict[Path, History] = {}
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        """Of each journal that was looked up, as it was then."""
        self._data: dict[DataConfig, FoundData] = {}

    def find(self, identity: str) -> Path | None:
        return self._by_identity().get(identity[:IDENTITY_DIGITS])

    def history(self, folder: Path) -> History:
        if folder not in self._histories:
            self._stamps[folder] = history.stamp_of(folder)
            self._histories[folder] = super().history(folder)
        return self._histories[folder]

    def refreshed(self) -> "Snapshot":
        """The store as it is now. Journals that have not changed since are not read again."""
        now = Snapshot(self.root)
        same = [
            folder for folder, stamp in self._stamps.items() if stamp and stamp == history.stamp_of(folder)
        ]
        now._stamps = {folder: self._stamps[folder] for folder in same}
        now._histories = {folder: self._histories[folder] for folder in same}
        return now

    @property
    def unreadable(self) -> list[str]:
        """Why journals that were looked up cannot be read, and what to do."""
        return [history.unreadable for history in self._histories.values() if history.unreadable]

    def find_data(self, config: DataConfig) -> FoundData:
        key = data_key(config)
        if key not in self._data:
            self._data[key] = super().find_data(key)
        return self._data[key]


def data_key(config: DataConfig) -> DataConfig:
    """The settings that decide the cached array, which runs that differ only in scaling or subset share."""
    return config.model_copy(update={"scaling": "symmetric", "limit": None, "fraction": 1.0})
