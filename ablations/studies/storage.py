"""Where the trials of a study are kept: Optuna's journal in the store, each line of it checked, or a database.

Only the process that holds the study's lock writes; trainings never use the storage.
"""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import BaseJournalBackend
from sqlalchemy.exc import SQLAlchemyError

from ablations.store import journal
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.terminal import without_credentials

Log = dict[str, Any]
"""One operation of Optuna's: a trial that begins, a parameter, a value."""


class TrialJournal(BaseJournalBackend):
    """Optuna's operations, one a line, in the format of a job's journal: the CRC-32 exposes a changed line.

    Each line holds its own place in the file, `at`, which exposes lines that were removed, added or exchanged. An
    unfinished last line is what a kill or a full disk leaves; the next write replaces it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._logs: list[Log] = []
        self._end = 0
        """Bytes that were read and are sound."""

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        """The operations from one on. Raises UserError if a line is damaged, or the file cannot be read."""
        reading = journal.read(self.path, self._end)
        sound = reading.damaged[0] - 1 if reading.damaged else len(reading.records)
        for record, end in zip(reading.records[:sound], reading.offsets, strict=False):
            if record.get("at") != self._end:
                raise self._damage()
            self._logs.append(record["log"])
            self._end = end
        if reading.damaged:
            raise self._damage()
        return iter(self._logs[log_number_from:])

    def append_logs(self, logs: list[Log]) -> None:
        """Write operations through to the disk. Raises UserError as `read_logs` does, or if the disk refuses."""
        self.read_logs(0)
        lines, now = b"", time.time_ns() // 1_000_000
        for log in logs:
            at = self._end + len(lines)
            lines += journal.encode({"kind": "trials", "time": now, "at": at, "log": log})
        with os_errors(self.path, "keep the trials here"), self.path.open("ab") as file:
            file.truncate(self._end)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def _damage(self) -> UserError:
        whole = shlex.quote(str(self.path))
        aside = shlex.quote(f"{self.path}.damaged")
        return UserError(
            f"{self.path}: damaged behind byte {self._end}: this is not what was written there. To continue with the "
            f"trials before it: `mv {whole} {aside} && head -c {self._end} {aside} > {whole}`, then the same command "
            "again, which trains no finished training twice"
        )


def storage_of(folder: Path, url: str | None) -> BaseStorage:
    """Where trials are kept: a journal in the study's folder, or a database. Raises UserError if it cannot be used."""
    path = journal_of(folder)
    try:
        return JournalStorage(TrialJournal(path)) if url is None else get_storage(url)
    except UserError:
        raise
    except (
        Exception
    ) as error:  # anything that a database's driver raises, or Optuna on operations of another version
        where = str(path) if url is None else f"--storage {without_credentials(url)}"
        missing = isinstance(error, ImportError) and str(url).startswith("postgresql")
        remedy = ": `pip install -e '.[postgres]'` installs it" if missing else ""
        raise UserError(f"{where}: cannot read the trials: {_first_line(error)}{remedy}") from error


def load_study(folder: str | Path) -> optuna.Study:
    """The Optuna study in a folder of `<store>/studies/`, for reading: `ablate tune` owns it.

    Raises:
        UserError: there is none, or its journal cannot be read.
    """
    path = Path(folder)
    if not journal_of(path).is_file():
        raise UserError(
            f"{path}: no study here; `ablate tune` makes one, in <store>/studies/<study>-<digest>"
        )
    return optuna.load_study(study_name=path.resolve().name, storage=storage_of(path, None))


@contextmanager
def database_errors(url: str | None) -> Iterator[None]:
    """Turn what a damaged or lost database raises while a study uses it into a UserError."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        where, why = without_credentials(f"--storage {url}"), _first_line(error.__cause__ or error)
        raise UserError(
            f"{where}: cannot keep the trials: {why}: repair the database, or choose another: the same command trains "
            "no finished training twice"
        ) from error


def _first_line(error: BaseException) -> str:
    """Without the SQL that SQLAlchemy adds, and without credentials."""
    return without_credentials(f"{type(error).__name__}: {error}".splitlines()[0])


def journal_of(folder: Path) -> Path:
    """The journal of the study in a folder."""
    return folder / "optuna.journal"
