"""A real MLflow server on 127.0.0.1, which a test can kill and start again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.ports import free_port
from tests.tracking_jobs import new_store

WAIT = 240.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""`urlopen` keeps the proxy that some test had set when another one first called it."""


class Server:
    """A real MLflow server on a database of its own; artifacts go through it, unless `files` says otherwise."""

    def __init__(self, root: Path, *files: str, database: str = "") -> None:
        """`database`: its URL; by default a sqlite file in `root`."""
        self.root, self.database = root, database or new_store(root).tracking_uri
        self.files = files or ("--artifacts-destination", str(root / "artifacts"))
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1"),
            *("--backend-store-uri", self.database),
            *self.files,
        ]
        settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self.root / "server.log").open("ab") as log:
            self.process = process = subprocess.Popen(
                command, env=os.environ | settings, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(lambda: self.answers() or process.poll() is not None)
            assert process.poll() is None, "the server ended"
        except BaseException as error:
            self.kill()
            error.add_note((self.root / "server.log").read_text())
            raise

    def answers(self) -> bool:
        return answers(f"{self.uri}/health")

    def kill(self) -> None:
        """kill -9, workers too: the parent's death alone leaves them serving."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def answers(url: str) -> bool:
    """Whether a server answers a GET request."""
    try:
        with DIRECT.open(url, timeout=5):
            return True
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
