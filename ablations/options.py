"""Options that the commands share, and how the selectors become jobs."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ablations.plan import Job
    from ablations.spec import Spec
    from ablations.store import Store

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
    int | None, typer.Option(min=1, help="CPU threads; results hold bit for bit for one count.")
]

SPEC = Path("runs.yaml")
STORE = Path("results")


def select(
    spec_file: Path,
    store: Path,
    profile: str | None,
    group: list[str] | None,
    run: list[str] | None,
    seeds: str | None,
    overrides: list[str] | None,
) -> "tuple[Spec, list[Job], Store]":
    """The jobs that a command is about, from what is on the disk already."""
    from ablations.plan import make_plan
    from ablations.spec import load_spec
    from ablations.store import Store
    from fakeface import data

    spec = load_spec(spec_file, profile=profile, overrides=overrides or (), seeds=seeds)
    place = Store(store)
    chosen = spec.select(group or (), run or ())
    return spec, make_plan(spec, chosen, lambda config: data.find(config, place.data, verify=False)), place


def console() -> "Console":
    """Standard output. Where nobody watches, a table need not fit 80 columns."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def print_json(value: Any) -> None:
    """For other programs: nothing but JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
