"""Options that the commands share, in bundles, and how the selectors become jobs."""

import inspect
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fakeface.files import json_text

if TYPE_CHECKING:
    from rich.console import Console

    from ablations.jobs.plan import Job
    from ablations.spec import Run, Spec
    from ablations.store import Snapshot, Store

SpecFile = Annotated[Path, typer.Option("--spec", metavar="PATH", help="The specification.")]
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
MirrorOn = Annotated[bool, typer.Option("--mirror/--no-mirror", help="Keep MLflow up to date.")]
MirrorWait = Annotated[float, typer.Option(help="Seconds to wait at the end for the mirror.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of an MLflow server; by default a file in the store.")
]

SPEC = Path("runs.yaml")
STORE = Path("results")


@dataclass(frozen=True)
class Selectors:
    """Which jobs of which specification a command is about, and in which store."""

    spec: SpecFile = SPEC
    profile: Profile = None
    group: Group = None
    run: RunName = None
    seeds: Seeds = None
    set_: Set = None
    store: StorePath = STORE

    def choose(self) -> "tuple[Spec, tuple[Run, ...], Store]":
        """The runs. Looks at the specification only, not at what is on the disk."""
        from ablations.jobs.plan import check_components
        from ablations.spec import load_spec
        from ablations.store import Store

        spec = load_spec(self.spec, profile=self.profile, overrides=self.set_ or (), seeds=self.seeds)
        runs = spec.select(self.group or (), self.run or ())
        check_components(runs)
        return spec, runs, Store(self.store)

    def select(self) -> "tuple[Spec, list[Job], Snapshot]":
        """The jobs, and the store as it is now, for commands that train nothing.

        Data that are not prepared, were changed or are damaged refuse nothing here: their jobs are `data-missing`.
        """
        from ablations.jobs.plan import make_plan
        from ablations.store import Snapshot

        spec, runs, _ = self.choose()
        place = Snapshot(self.store)
        return spec, make_plan(spec, runs, lambda config: place.find_data(config).images), place

    def command_line(self) -> str:
        """The command that trains these jobs and writes their report, for the report itself."""
        words = ["ablate", "run", *([] if self.spec == SPEC else ["--spec", str(self.spec)])]
        store = None if self.store == STORE else str(self.store)
        options = [
            *[("--profile", self.profile), ("--seeds", self.seeds), ("--store", store)],
            *[("--group", name) for name in self.group or ()],
            *[("--run", name) for name in self.run or ()],
            *[("--set", setting) for setting in self.set_ or ()],
        ]
        words += [word for name, value in options if value is not None for word in (name, value)]
        return shlex.join([*words, "--report"])


@dataclass(frozen=True)
class WorkOptions:
    """Where jobs run."""

    device: Device = "auto"
    threads: Threads = None
    """Of each job; None: the cores, shared out among `jobs`."""
    executor: Executor = "serial"
    jobs: Jobs = None
    """Side by side; None: as many as the executor finds sensible."""
    allow_inexact: AllowInexact = False


@dataclass(frozen=True)
class MirrorOptions:
    """What becomes of the mirror in MLflow."""

    mirror: MirrorOn = True
    mirror_wait: MirrorWait = 60.0
    tracking_uri: TrackingUri = None

    def uri(self, store: "Store") -> str:
        """The tracking URI, by default the file in the store."""
        return self.tracking_uri or store.tracking_uri


BUNDLES = (Selectors, WorkOptions, MirrorOptions)


def spread(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that takes bundles, as typer reads it: with every option of theirs in its own signature.

    Args:
        defaults: of options whose default is another one in this command.

    Raises:
        TypeError: a default for an option that no bundle of the command has.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters: list[inspect.Parameter] = []
        bundles: dict[str, Any] = {}
        for parameter in inspect.signature(command).parameters.values():
            if parameter.annotation in BUNDLES:
                bundles[parameter.name] = parameter.annotation
                options = inspect.signature(parameter.annotation).parameters.values()
                parameters += [one.replace(default=defaults.get(one.name, one.default)) for one in options]
            else:
                parameters.append(parameter)

        @wraps(command)
        def gathered(**options: Any) -> None:
            for name, bundle in bundles.items():
                chosen = {field.name: options.pop(field.name) for field in fields(bundle)}
                options[name] = bundle(**chosen)
            command(**options)

        unknown = defaults.keys() - {field.name for bundle in bundles.values() for field in fields(bundle)}
        if unknown:
            raise TypeError(f"{command.__name__}: no option {', '.join(sorted(unknown))} to give a default")
        keyword = inspect.Parameter.KEYWORD_ONLY
        flat = [one.replace(kind=keyword) for one in parameters]
        gathered.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
        gathered.__annotations__ = {one.name: one.annotation for one in flat}
        return gathered

    return decorate


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
