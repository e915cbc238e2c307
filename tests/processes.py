"""`ablate` in processes of its own, forked from a server that has the heavy imports behind it and computed nothing."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
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


def _main(folder: Path, arguments: tuple[str, ...], outputs: tuple[str, str]) -> None:
    """In the child: what the console script does, in `folder`, its output in two files."""
    os.chdir(folder)
    for descriptor, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    from ablations.cli.app import main

    sys.argv = ["ablate", *arguments]
    main()


def start(folder: Path, *arguments: str) -> BaseProcess:
    """Start a command, for whoever kills it; what it says is lost."""
    process = CONTEXT.Process(target=_main, args=(folder, arguments, (os.devnull, os.devnull)))
    process.start()
    return process


def ablate(folder: Path, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `check` is the exit status that it must have."""
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        process = CONTEXT.Process(target=_main, args=(folder, arguments, (out.name, err.name)))
        process.start()
        process.join(TIMEOUT)
        if process.is_alive():
            process.kill()
            process.join()
        done = subprocess.CompletedProcess(arguments, process.exitcode or 0, out.read(), err.read())
    if check is not None:
        assert done.returncode == check, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done
