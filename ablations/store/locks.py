"""The lock of a job, and whether a process holds it.

The lock is `flock` on a file. The system frees it when its process dies, and who may read the file can ask for it.
Where the file system has no `flock` (ENOSYS), filelock uses a file that exists while the lock is held and names its
process and host. A kill leaves that file behind; filelock removes it if it was made on this host by a process that is
gone. Of any other it cannot be told whether its process is running, so a job is refused then and not waited for. Tried
with a `flock` that answers ENOSYS, ENOLCK and EOPNOTSUPP (tests/store/test_locks.py).
"""

import errno
import fcntl
import os
from pathlib import Path

from filelock import FileLock, Timeout

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


def job_lock(folder: Path) -> FileLock:
    """The lock of a job. The operating system frees it when the process dies."""
    return FileLock(folder / "lock")


def is_running(folder: Path) -> bool | None:
    """Whether a process is running the job now, or holds another folder's `lock`; None if that cannot be told.

    Changes nothing, and works in a read-only store and on another user's job.
    """
    try:
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(
            handle, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared, so that two who ask do not see each other
    except BlockingIOError:
        return True
    except OSError as error:
        return _marker_holds(folder) if error.errno == errno.ENOSYS else None
    finally:
        os.close(handle)
    return False


def why_stuck(folder: Path) -> str:
    """Why a lock that another holds may never become free, and what to do; empty if its process is running."""
    if is_running(folder) is not None:
        return ""
    return (
        f"{folder / 'lock'}: cannot tell whether another process holds this lock: if none does, on any machine, "
        "remove the file"
    )


def why_refused(error: OSError) -> str:
    """An error of a lock in words."""
    hint = ": this file system has no locks; put the store on another disk with --store"
    return f"{error.strerror or error}{hint if error.errno in _NO_LOCKS else ''}"


def _marker_holds(folder: Path) -> bool | None:
    """`is_running` without `flock`."""
    try:
        with job_lock(folder).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return None
