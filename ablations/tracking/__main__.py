"""`python -m ablations.tracking`: the child that `MirrorProcess` and `server.prepare` start."""

import argparse
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from ablations.spec.imports import load_imports
from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.loop import SyncReport, sync
from ablations.tracking.process import SHIPPING_AGAIN, TIME_FORMAT, URI
from ablations.tracking.refusals import in_words
from fakeface.errors import UserError
from fakeface.terminal import prepare_streams, printable

NICENESS = 10


def main() -> None:
    """Ship journals to $MLFLOW_TRACKING_URI until stdin closes. With `--prepare`, create its schema instead."""
    parser = argparse.ArgumentParser(prog="python -m ablations.tracking", description=main.__doc__)
    parser.add_argument("--store", type=Path, help="folder whose journals to ship")
    parser.add_argument("--spec", type=Path, help="specification whose imports to load")
    parser.add_argument("--prepare", action="store_true", help="create the schema of a sqlite URI, and end")
    arguments = parser.parse_args()
    uri = os.environ.pop(URI)
    signal.signal(
        signal.SIGUSR1, signal.SIG_IGN
    )  # a scheduler sends it to every process; the parent stops the jobs
    signal.signal(signal.SIGTERM, _exit)  # unwinds, so that no temporary folder is left behind
    if arguments.prepare:
        try:
            with server.settings():
                server.create_schema(uri)
        except Exception as error:
            sys.exit(in_words(error, uri))
        return
    if arguments.store is None:
        parser.error("--store is required")
    os.nice(NICENESS)
    prepare_streams()
    log = _Log()
    if arguments.spec is not None:
        try:
            load_imports(arguments.spec)
        except UserError as error:
            log.say(str(error))
    report = sync(Store(arguments.store), uri, follow=True, stop=_stdin_closed, on_progress=log.write)
    sys.exit(0 if report.complete else 1)


class _Log:
    """Prints a line whenever the errors change."""

    def __init__(self) -> None:
        self.last: object = {}

    def write(self, report: SyncReport) -> None:
        for name, texts in report.problems.items():
            self.say(f"{name}: {'; '.join(texts)}")
        if report.errors != self.last:
            self.last = report.errors
            for name, text in report.errors.items():
                self.say(f"{name}: {text}")
            if not report.errors:
                self.say(SHIPPING_AGAIN)

    def say(self, text: str) -> None:
        print(time.strftime(TIME_FORMAT), printable(text), flush=True)


def _stdin_closed() -> bool:
    """Whether the parent closed the pipe: it wants this process to finish, or died."""
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and os.read(sys.stdin.fileno(), 1) == b""


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
