"""The process that ships journals while jobs train."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.loop import pending
from ablations.tracking.shipped import Pending
from fakeface.environment import thread_variables
from fakeface.files import regular_file

END_SECONDS = 5.0
URI = "MLFLOW_TRACKING_URI"
"""The variable that tells the child where to ship, since every user can read a command line, with its password."""
SHIPPING_AGAIN = "shipping again"
"""The log's line when no problem is left."""
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


class MirrorProcess:
    """A niced, single-threaded child that ships journals until it is closed or its parent dies.

    It has a session of its own, so that Ctrl-C in the terminal does not end it. It reads a pipe that only the parent
    holds; when the pipe closes, it ships the rest and ends. Its messages are in `<store>/mirror/mirror.log`. Use as a
    context manager, or call `close`.
    """

    def __init__(self, store: Store, uri: str, spec: Path | None = None) -> None:
        """Start the child, in some 5 ms. Raises nothing if that fails, since `sync` can ship everything later.

        Args:
            spec: a specification whose imports define networks of the store: the child exports generators as models.
        """
        self.store, self.uri = store, uri
        self._process: subprocess.Popen[bytes] | None = None
        self._log = store.mirror / "mirror.log"
        self._log_begins = self._log.stat().st_size if self._log.exists() else 0
        command = [sys.executable, "-m", "ablations.tracking", "--store", str(store.root)]
        command += [] if spec is None else ["--spec", str(spec)]
        with contextlib.suppress(OSError):
            store.mirror.mkdir(parents=True, exist_ok=True)
            with regular_file(self._log, "ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=os.environ | server.variables() | thread_variables(1) | {URI: uri},
                    start_new_session=True,
                )

    def close(self, timeout: float) -> Pending:
        """Let the child ship the rest, end it after `timeout` seconds at the latest, and return what is left."""
        if self._process is not None and self._process.poll() is None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                end_group(self._process, END_SECONDS)
        return pending(self.store, self.uri)

    def last_problem(self) -> str:
        """The last problem in the child's log; empty if there was none, or if it is over."""
        try:
            with regular_file(self._log) as file:
                file.seek(self._log_begins)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        problems = [line[time.end() :] for line in lines if (time := _TIME.match(line))]
        return problems[-1] if problems and problems[-1] != SHIPPING_AGAIN else ""

    def __enter__(self) -> "MirrorProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close(0)


def end_group(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """End a process that leads a group, and the group: with SIGTERM, and SIGKILL after `patience` seconds.

    Safe at any instant, as any kill is.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    process.wait()
