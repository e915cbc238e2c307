"""Options that the commands share, and how the selectors become jobs."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fakeface.files import json_text

if TYPE_CHECKING:
    from rich.console import Console

    from ablations.plan import Job
    from ablations.spec import Run, Spec
    from ablations.store import Snapshot, Store

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The specification.")]
Profile = Annotated[str | None, typer.Option(help="Size of the runs: quick, standard, paper, or your own.")]
Group = Annotated[list[str] | None, typer.Option(help="Only runs of this group (repeatable).")]
RunName = Annotated[list[str] | None, typer.Option("--run", help="Only this run, or pattern (repeatable).")]
Seeds = Annotated[str | None, typer.Option(help="Seeds, such as 0,1,2.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=V", help="Override a setting (repeatable).")
]
StorePath = Annotated[Path, typer.Option("--store", help="The folder that holds all results.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads of a job; results hold bit for bit for one count."),
]
Executor = Annotated[
    str, typer.Option(help="Where jobs run: serial (this process) or local (worker processes).")
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Jobs side by side; by default one per CPU core, or per GPU, for local."),
]
AllowInexact = Annotated[
    bool, typer.Option("--allow-inexact", help="Go on with a job that was begun on another stack.")
]
MirrorOn = Annotated[
    bool, typer.Option("--mirror/--no-mirror", help="Ship the journals to MLflow meanwhile.")
]
MirrorWait = Annotated[float, typer.Option(help="Seconds to wait at the end for the mirror.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of an MLflow server; by default a file in the store.")
]

SPEC = Path("runs.yaml")
STORE = Path("results")


def choose(
    spec_file: Path,
    store: Path,
    profile: str | None,
    group: list[str] | None,
    run: list[str] | None,
    seeds: str | None,
    overrides: list[str] | None,
) -> "tuple[Spec, tuple[Run, ...], Store]":
    """The runs that a command is about. Looks at the specification only, not at what is on the disk."""
    from ablations.plan import check_components
    from ablations.spec import load_spec
    from ablations.store import Store

    spec = load_spec(spec_file, profile=profile, overrides=overrides or (), seeds=seeds)
    runs = spec.select(group or (), run or ())
    check_components(runs)
    return spec, runs, Store(store)


def select(
    spec_file: Path,
    store: Path,
    profile: str | None,
    group: list[str] | None,
    run: list[str] | None,
    seeds: str | None,
    overrides: list[str] | None,
) -> "tuple[Spec, list[Job], Snapshot]":
    """The jobs that a command is about, and the store as it is now, for commands that train nothing.

    Data that are not prepared, were changed or are damaged refuse nothing here: their jobs are `data-missing`.
    """
    from ablations.plan import make_plan
    from ablations.store import Snapshot

    spec, runs, _ = choose(spec_file, store, profile, group, run, seeds, overrides)
    place = Snapshot(store)
    return spec, make_plan(spec, runs, lambda config: place.find_data(config).images), place


def command_line(
    spec_file: Path,
    store: Path,
    profile: str | None,
    group: list[str] | None,
    run: list[str] | None,
    seeds: str | None,
    overrides: list[str] | None,
) -> str:
    """The command that trains these jobs and writes their report, for the report itself."""
    words = ["ablate", "run", *([] if spec_file == SPEC else [str(spec_file)])]
    options = [
        *[("--profile", profile), ("--seeds", seeds), ("--store", None if store == STORE else str(store))],
        *[("--group", name) for name in group or ()],
        *[("--run", name) for name in run or ()],
        *[("--set", setting) for setting in overrides or ()],
    ]
    words += [word for name, value in options if value is not None for word in (name, value)]
    return shlex.join([*words, "--report"])


def store_options(store: "Store", tracking_uri: str | None = None) -> str:
    """The options, each with a space before it, by which another command finds the same store and mirror."""
    words = [] if store.root == STORE.absolute() else ["--store", os.path.relpath(store.root)]
    if tracking_uri not in (None, store.tracking_uri):
        words += ["--tracking-uri", str(tracking_uri)]
    return "".join(f" {shlex.quote(word)}" for word in words)


def console(*, stderr: bool = False) -> "Console":
    """Standard output, or error. Where nobody watches, a table need not fit 80 columns."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(highlight=False, width=None if stream.isatty() else 160, stderr=stderr)


def print_json(value: Any) -> None:
    """For other programs: nothing but JSON on standard output."""
    sys.stdout.write(json_text(value))
