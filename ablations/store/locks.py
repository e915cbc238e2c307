"""The lock of a job or a study: the file `lock` in its folder. See fakeface/locks.py."""

import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from fakeface.locks import is_held

SILENT_SECONDS = 2 * 3600.0
"""A job that works writes into its journal far more often: between two blocks of steps there is one score at most."""


def lock_of(folder: Path) -> Path:
    """The file that is locked while a process works in a folder."""
    return folder / "lock"


def job_lock(folder: Path) -> FileLock:
    """The lock of a job. The operating system frees it when the process dies."""
    return FileLock(lock_of(folder))


def is_running(folder: Path) -> bool | None:
    """Whether a process holds the lock of a job's or study's folder now; None if that is unknown.

    Changes nothing, and works in a read-only store and on another user's job.
    """
    return is_held(lock_of(folder))


def why_silent(folder: Path) -> str:
    """Why a job whose lock another process holds may never end, and what to do; empty if it wrote something lately."""
    with suppress(OSError):
        silent = time.time() - (folder / "journal.jsonl").stat().st_mtime
        if silent > SILENT_SECONDS:
            return (
                f"{lock_of(folder)}: another process has held this lock and written nothing for {silent / 3600:.0f} "
                "hours: end it if it is stuck (`fuser` names it), on whatever machine it is, and run the command again"
            )
    return ""
