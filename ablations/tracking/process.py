"""The process that follows the journals while jobs train, and ends soon after whoever started it."""

import argparse
import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.loop import SyncReport, sync
from ablations.tracking.pending import Pending, pending

NICENESS = 10
END_SECONDS = 5.0
SHIPPING_AGAIN = "shipping again"
"""The log's line when no problem is left."""
TIME_CHARS = len("2026-01-31 23:59:59 ")


class MirrorProcess:
    """A niced, single-threaded child that ships journals until it is closed or its parent dies.

    It has a session of its own, so that Ctrl-C in the terminal does not end it, and reads a pipe that only
    the parent holds, so that it notices the parent's death, ships what is there and ends. What it has to say
    is in `<store>/mirror/mirror.log`. Use as a context manager, or call `close`.
    """

    def __init__(self, store: Store, uri: str) -> None:
        """Start it, in some 5 ms. Where that fails nothing is raised: `sync` can ship everything later."""
        self.store, self.uri = store, uri
        self._process: subprocess.Popen[bytes] | None = None
        self._log = store.mirror / "mirror.log"
        self._log_begins = self._log.stat().st_size if self._log.exists() else 0
        command = [sys.executable, "-m", "ablations.tracking", "--store", str(store.root), "--uri", uri]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        with contextlib.suppress(OSError):
            store.mirror.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=os.environ | server.SETTINGS | threads,
                    start_new_session=True,
                )

    def close(self, timeout: float) -> Pending:
        """Have it ship the rest and end (after `timeout` seconds it is ended); return what is left."""
        if self._process is not None and self._process.poll() is None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._end(self._process)
        return pending(self.store, self.uri)

    def last_problem(self) -> str:
        """The last problem in its log; empty if there was none, or if it is over."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._log_begins)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        problems = [line[TIME_CHARS:] for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line)]
        return problems[-1] if problems and problems[-1] != SHIPPING_AGAIN else ""

    def __enter__(self) -> "MirrorProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close(0)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """SIGTERM, then SIGKILL, to its whole group: safe at any instant, as a kill is."""
        end_group(process, END_SECONDS)


def end_group(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """End a process that leads its own group, and the group with it; force it after `patience` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    process.wait()


def main() -> None:
    """What the child runs: follow until stdin closes. `--prepare` creates a database's schema instead."""
    parser = argparse.ArgumentParser(prog="python -m ablations.tracking", description=main.__doc__)
    parser.add_argument("--uri", required=True, help="tracking URI of the mirror")
    parser.add_argument("--store", type=Path, help="folder whose journals to ship")
    parser.add_argument("--prepare", action="store_true", help="create the schema of a sqlite URI, and end")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _exit)  # unwinds, so that no temporary folder stays behind
    if arguments.prepare:
        with server.settings():
            server.create_schema(arguments.uri)
        return
    if arguments.store is None:
        parser.error("--store is required")
    os.nice(NICENESS)
    report = sync(
        Store(arguments.store), arguments.uri, follow=True, stop=_stdin_closed, on_progress=_Log().tell
    )
    sys.exit(0 if report.complete else 1)


class _Log:
    """Writes a line whenever what is wrong changes."""

    def __init__(self) -> None:
        self.last: object = {}

    def tell(self, report: SyncReport) -> None:
        for name, texts in report.problems.items():
            self._write(f"{name}: {'; '.join(texts)}")
        if report.errors != self.last:
            self.last = report.errors
            for name, text in report.errors.items():
                self._write(f"{name}: {text}")
            if not report.errors:
                self._write(SHIPPING_AGAIN)

    def _write(self, text: str) -> None:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


def _stdin_closed() -> bool:
    """Whether the parent let go of the pipe: it asked us to finish, or died."""
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and os.read(sys.stdin.fileno(), 1) == b""


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
