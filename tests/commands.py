"""`ablate`, run in this process: what it prints and its exit status."""

import contextlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from ablations.cli.app import main
from tests.processes import serially


def run_command(folder: Path, *arguments: str, check: int | None = 0) -> CompletedProcess[str]:
    """Run a command in a folder, jobs in this process too; `check` is the exit status that it must have."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["ablate", *serially(arguments)]),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    done = CompletedProcess(arguments, status, out.getvalue(), err.getvalue())
    if check is not None:
        assert done.returncode == check, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a condition holds, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
