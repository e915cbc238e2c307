"""Locks between processes: who holds one, and waiting for one that another process holds.

A lock is `flock` on a file. The system frees it when its process dies, and who may read the file can ask for it.
Where the file system has no `flock` (ENOSYS), filelock uses a file that exists while the lock is held and names its
process and host. A kill leaves that file behind; filelock removes it if it was made on this host by a process that is
gone. Whether the process of any other file is running is unknown, so such a lock is refused and not waited for.
Tried with a `flock` that answers ENOSYS, ENOLCK and EOPNOTSUPP (tests/store/test_locks.py).
"""

import errno
import fcntl
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout

from fakeface.errors import UserError

POLL_SECONDS = 0.5
QUIET_SECONDS = 5.0
"""How long a process waits before it says so."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


def is_held(path: Path) -> bool | None:
    """Whether a process holds the lock now; None if that is unknown.

    Changes nothing, and works in a read-only folder and on another user's lock.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
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
        return _marker_holds(path) if error.errno == errno.ENOSYS else None
    finally:
        os.close(handle)
    return False


def wait_for(
    path: Path, seconds: float, abort: Callable[[], bool] = lambda: False
) -> AcquireReturnProxy[FileLock]:
    """Acquire a lock that another process may hold. Use as a context manager, which frees it. A long wait is a warning.

    Args:
        seconds: how long a process that works may hold it. One that holds it for longer is reported, not waited for.

    Raises:
        Timeout: `abort` came true while another process held it.
        UserError: it is held for longer, cannot be used, or whether a process holds it is unknown.
    """
    begun, warned = time.monotonic(), False
    while True:
        try:
            return FileLock(path).acquire(timeout=POLL_SECONDS)
        except Timeout:
            if abort():
                raise
            if stuck := why_stuck(path):
                raise UserError(stuck) from None
            waited = time.monotonic() - begun
            if waited > QUIET_SECONDS and not warned:
                warned = True
                warnings.warn(f"{path}: waiting for the process that holds this lock", stacklevel=2)
            if waited > seconds:
                raise UserError(
                    f"{path}: another process has held this lock for {seconds / 60:.0f} minutes: wait until it ends, "
                    "or end it if it is stuck (`fuser` names it), and run the command again"
                ) from None
        except OSError as error:
            raise UserError(f"{path}: cannot be locked: {why_refused(error)}") from error


def why_stuck(path: Path) -> str:
    """Why a lock that another holds may never become free, and what to do; empty if its process is running."""
    if is_held(path) is not None:
        return ""
    return f"{path}: cannot tell whether another process holds this lock: if none does, on any machine, remove the file"


def why_refused(error: OSError) -> str:
    """An error of a lock in words."""
    hint = ": this file system has no locks; put the store on another disk with --store"
    return f"{error.strerror or error}{hint if error.errno in _NO_LOCKS else ''}"


def _marker_holds(path: Path) -> bool | None:
    """`is_held` without `flock`."""
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return None
