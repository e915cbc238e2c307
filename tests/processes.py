"""`ablate` in child processes, forked from a server that has done the heavy imports and computed nothing."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "ablations.cli.setup",
        "ablations.cli.tables",
        "ablations.jobs.audit",
        "ablations.studies.comparison",
        "analysis.report.build",
        "fakeface.evaluation",
    ]
)
TIMEOUT = 280


def serially(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """`ablate run` without workers, which would import everything again, unless the arguments name an executor."""
    named = "--executor" in arguments or arguments[0] != "run"
    return arguments if named else (*arguments, "--executor", "serial")


def _main(
    folder: Path,
    arguments: tuple[str, ...],
    outputs: tuple[str, str],
    environment: Mapping[str, str],
    first: Callable[[], None] | None,
) -> None:
    """In the child: what the console script does, in `folder`, its output appended to two files."""
    os.setpgid(0, 0)
    os.environ.clear()  # it is that of the server, from before the test
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    if first is not None:
        first()
    from ablations.cli.app import main

    sys.argv = ["ablate", *arguments]
    main()


def start(
    folder: Path, *arguments: str, log: str = os.devnull, first: Callable[[], None] | None = None
) -> BaseProcess:
    """Start a command in a process group of its own, for a test that kills it. See `serially`.

    `first` is called in the child before the command. `log` gets the output.
    """
    process = CONTEXT.Process(
        target=_main, args=(folder, serially(arguments), (log, log), dict(os.environ), first)
    )
    process.start()
    return process


def ablate(folder: Path, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. `check`: the exit status that it must have. See `serially`."""
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        outputs = (out.name, err.name)
        process = CONTEXT.Process(
            target=_main, args=(folder, serially(arguments), outputs, dict(os.environ), None)
        )
        process.start()
        process.join(TIMEOUT)
        if process.is_alive():
            process.kill()
            process.join()
        done = subprocess.CompletedProcess(arguments, process.exitcode or 0, out.read(), err.read())
    if check is not None:
        assert done.returncode == check, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done
