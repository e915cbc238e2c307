"""The lock of a job or a study: the file `lock` in its folder. See fakeface/locks.py."""

from pathlib import Path

from filelock import FileLock

from fakeface.locks import is_held


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
