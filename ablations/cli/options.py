"""The options that commands share, each defined once, in bundles: dataclasses whose fields are options.

A command that takes a bundle as a parameter and is decorated with `with_bundles` has every option of the bundle.
"""

import inspect
import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ablations.cli.printing import console, set_amount
from fakeface.errors import UserError
from fakeface.terminal import without_credentials

if TYPE_CHECKING:
    from ablations.jobs.plan import Job
    from ablations.spec import Run, Spec
    from ablations.store import Snapshot, Store

SPEC = Path("runs.yaml")
STORE = Path("results")
THREADS = 1
"""CPU threads of a job by default: the same in every executor, with any number of jobs and cores, so that none of them
changes a bit. One, since jobs side by side use the cores better than threads of one job."""
MAX_THREADS = 4096
MAX_JOBS = 1024
"""Side by side."""
_NUMBERED = re.compile(r"\d{5,}\.png")

Command = Callable[..., None]

# -- help --------------------------------------------------------------------------------------------------------


class _PlainHelp:
    """A command whose help shows no type of its flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """See `TyperCommand.get_params`."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(_PlainHelp, TyperCommand):
    pass


class _Group(_PlainHelp, TyperGroup):
    pass


class Commands(typer.Typer):
    """A group of commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, **settings)

    def command(self, *names: str, **settings: Any) -> Callable[[Command], Command]:  # type: ignore[override]
        """See `typer.Typer.command`."""
        return super().command(*names, cls=_Command, **settings)


# -- single options ----------------------------------------------------------------------------------------------


def store_path(path: Path) -> Path:
    """The folder of a store, whether or not it exists. Raises UserError for anything else, such as a file."""
    if path.exists() and not path.is_dir():
        raise UserError(
            f"--store {path}: it is no folder; name the folder that holds, or will hold, all results"
        )
    return path


def without_password(uri: str | None) -> str | None:
    """The address of a server or database. Raises UserError if it holds a password or a token.

    Every user of the machine can read a command line, and the shell keeps it.
    """
    if uri is not None and without_credentials(uri) != uri:
        raise UserError(
            f"{without_credentials(uri)}: an address with a password or a token, which every user of this machine can "
            "read in the list of processes. Leave it out of the address; for an MLflow server, set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, or write ~/.netrc; for "
            "PostgreSQL, set PGPASSWORD, or write ~/.pgpass"
        )
    return uri


StorePath = Annotated[
    Path, typer.Option(metavar="PATH", help="The folder that holds all results.", callback=store_path)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="URI of an MLflow server; by default a file in the store.",
        callback=without_password,
    ),
]


def _names_of(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """What the shell completes: the names of one kind (`runs`, `groups`, `studies`) in the specification."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from ablations.spec import load_spec

        try:
            spec = load_spec(Path(ctx.params.get("spec") or SPEC))
        except UserError:
            return []
        found = {
            "runs": [run.name for run in spec.runs],
            "groups": list(spec.groups),
            "studies": [study.name for study in spec.studies],
        }
        return [name for name in found[kind] if name.startswith(incomplete)]

    return complete


RUN_NAMES, GROUP_NAMES, STUDY_NAMES = map(_names_of, ("runs", "groups", "studies"))
Seeds = Annotated[str | None, typer.Option(metavar="N,N-M", help="Seeds, such as 0,1,2 or 0-4.")]
PORT_OPTION = typer.Option(metavar="N", min=1, max=65535, help="Port on 127.0.0.1.")
Port = Annotated[int, PORT_OPTION]
Count = Annotated[
    int, typer.Option("-n", "--count", metavar="N", min=1, max=100_000, help="Number of images.")
]


def number_in_range(value: float) -> float:
    """The value of an option with `min` and `max`, which NaN passes. Raises BadParameter for NaN."""
    if math.isnan(value):
        raise typer.BadParameter("nan is not a number.")
    return value


def picture_path(path: Path) -> Path:
    """A path for a new .png file, which may replace another PNG, but no link. Raises UserError for any other path."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: the name of a picture must end in .png")
    if path.is_symlink() or (path.exists() and not _is_png(path)):
        raise UserError(f"{path}: exists and is not a PNG file; choose another name")
    return path


def picture_or_folder_path(path: Path) -> Path:
    """A path for a new .png file (see `picture_path`), or for a folder of numbered ones, which holds nothing else.

    Raises UserError for any other path.
    """
    if path.suffix.lower() == ".png":
        return picture_path(path)
    if not path.is_dir() and (path.exists() or path.suffix):
        raise UserError(f"{path}: must be a folder, or a picture whose name ends in .png")
    if path.is_dir() and not all(_NUMBERED.fullmatch(file.name) and _is_png(file) for file in path.iterdir()):
        raise UserError(
            f"{path}: holds other files than numbered pictures; choose a new folder or an empty one"
        )
    return path


def _is_png(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89PNG\r\n\x1a\n"


# -- bundles -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpecOptions:
    """A specification under one profile, and a store."""

    spec: Annotated[Path, typer.Option(metavar="PATH", help="The specification.")] = SPEC
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Size of the runs: quick, standard, paper, or your own."),
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="A.B=V", help="Change a setting of every run, as variants of it (repeatable)."
        ),
    ] = None
    store: StorePath = STORE

    def load(self, *, seeds: str | None = None) -> "Spec":
        """The specification. Raises SpecError with all that is wrong in it."""
        from ablations.spec import load_spec
        from analysis.claims.preregistration import registered
        from analysis.claims.reading import claims_of, read_claims

        overrides = self.set_ or ()
        spec = load_spec(
            self.spec, profile=self.profile, overrides=overrides, seeds=seeds, check_claims=read_claims
        )
        spec = replace(spec, claim_digests=registered(claims_of(spec)))
        for note in spec.notes:
            console(stderr=True).note("[yellow]Note[/]: {}", note)
        return spec


@dataclass(frozen=True)
class Selectors(SpecOptions):
    """Runs and seeds of a specification."""

    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only runs of this group (repeatable).", autocompletion=GROUP_NAMES
        ),
    ] = None
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN",
            help="Only this run, runs of this pattern, or 'RUN[A.B=V]', a variant of it (repeatable).",
            autocompletion=RUN_NAMES,
        ),
    ] = None
    seeds: Seeds = None

    def choose(self) -> "tuple[Spec, tuple[Run, ...], Store]":
        """The selected runs. Reads the specification only."""
        from ablations.jobs.plan import check_components
        from ablations.spec.run_names import parse_variant
        from ablations.store import Store
        from analysis.claims.reading import guests

        spec = self.load(seeds=self.seeds)
        variants = [variant for name in self.run or () if (variant := parse_variant(name))]
        names = [name for name in self.run or () if not parse_variant(name)]
        runs: list[Run] = []
        if self.group or names or not variants:
            runs += spec.select(self.group or (), names, guests=partial(guests, spec))
        for name, settings in variants:
            changed = replace(self, set_=[*(self.set_ or ()), *settings])
            runs += changed.load(seeds=self.seeds).select(runs=[name])
        places = {run.name: place for place, run in enumerate(spec.runs)}
        runs = sorted({run.label: run for run in runs}.values(), key=lambda run: places.get(run.name, 0))
        check_components(runs)
        return spec, tuple(runs), Store(self.store)

    def select(self) -> "tuple[Spec, list[Job], Snapshot]":
        """The selected jobs, for commands that train nothing, and the store as it is now.

        Missing, changed or damaged data are no error: the status of their jobs is `data-missing`.
        """
        from ablations.jobs.plan import plan_in
        from ablations.store import Snapshot

        spec, runs, _ = self.choose()
        store = Snapshot(self.store)
        return spec, plan_in(store, spec, runs), store

    def beside_plain(self, jobs: "list[Job]", store: "Store") -> "list[Job]":
        """The selected jobs, and before each variant its plain run where the store has results of that."""
        from ablations.jobs.plan import plan_in
        from ablations.jobs.status import results_of

        varied = {job.plain for job in jobs if job.overrides}
        if not varied:
            return jobs
        try:
            spec = replace(self, set_=None).load(seeds=self.seeds)
            runs = [run for run in spec.runs if run.name in varied]
            plain = plan_in(store, spec, runs)
        except UserError:  # the specification is sound only with `--set`, so nothing was trained without
            return jobs
        known = {job.name for job in jobs}
        begun = [job for job in plain if job.name not in known and results_of(job, store)]
        ordered: list[Job] = []
        for job in jobs:
            if job.overrides:
                ordered += [one for one in begun if one.run == job.plain and one not in ordered]
            ordered.append(job)
        return ordered

    def report_command(self, **options: Any) -> str:
        """The command that trains the selected jobs and writes their report, as the report shows it.

        Args:
            options: further ones of `ablate run`.
        """
        return shell_command("run", **vars(self), report=True, **options)


@dataclass(frozen=True)
class PlaceOptions:
    """Where jobs run."""

    device: Device = "auto"
    threads: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_THREADS,
            help="CPU threads of a job. Results are bit for bit the same only for the same number.",
        ),
    ] = THREADS
    executor: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where jobs run: local (worker processes), serial (this process), ray (a cluster).",
        ),
    ] = "local"
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="For ray: the cluster, or auto; by default one is started on this machine.",
        ),
    ] = None
    gpus: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0.01,
            max=64,
            callback=lambda value: value if value is None else number_in_range(value),
            help="For ray: GPUs of a job; 0.25 lets four jobs share one. By default 1 if the cluster has GPUs.",
        ),
    ] = None
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_JOBS,
            help="Jobs side by side; by default one per GPU, or as many as the CPUs have cores for.",
        ),
    ] = None


@dataclass(frozen=True)
class WorkOptions(PlaceOptions):
    """Where jobs run, and what stops or refuses them."""

    fail_fast: Annotated[
        bool,
        typer.Option("--fail-fast", help="Stop all jobs, with a checkpoint, when a first one crashes."),
    ] = False
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Resume jobs that began with other versions or hardware.")
    ] = False


@dataclass(frozen=True)
class MirrorOptions:
    """The mirror in MLflow."""

    mirror: Annotated[bool, typer.Option("--mirror/--no-mirror", help="Keep MLflow up to date.")] = True
    mirror_wait: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=0,
            max=1e6,
            help="Seconds to wait for the mirror at the end.",
            callback=number_in_range,
        ),
    ] = 60.0
    tracking_uri: TrackingUri = None

    def uri(self, store: "Store") -> str:
        """The tracking URI, by default the file in the store."""
        return self.tracking_uri or store.tracking_uri


BUNDLES = (SpecOptions, Selectors, PlaceOptions, WorkOptions, MirrorOptions)


@dataclass(frozen=True)
class PrintOptions:
    """How much is printed: options of every command, see `Amount`."""

    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print results and problems only: no progress, notes and hints."),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Print also each step, evidence and files; of an error, where it comes from.",
        ),
    ] = False


def with_bundles(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: it gets `PrintOptions`, and typer sees every field of its bundles as a parameter.

    A parameter of the command itself replaces the field of the same name, which keeps its default.
    """
    own = inspect.signature(command).parameters
    bundles = {name: one.annotation for name, one in own.items() if one.annotation in BUNDLES}
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name in bundles:
            options = inspect.signature(bundles[name]).parameters.values()
            parameters += [one for one in options if one.name not in own]
        else:
            parameters.append(parameter)
    parameters += inspect.signature(PrintOptions).parameters.values()

    @wraps(command)
    def run(**options: Any) -> None:
        set_amount(**{f.name: options.pop(f.name, False) for f in fields(PrintOptions)})
        gathered = {
            name: bundle(**{f.name: options.pop(f.name) for f in fields(bundle) if f.name not in own})
            for name, bundle in bundles.items()
        }
        command(**options, **gathered)

    flat = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in flat}
    return run


# -- commands to print --------------------------------------------------------------------------------------------


def shell_command(name: str, *arguments: str, **options: Any) -> str:
    """A command with its options, quoted for a shell: `ablate tune rates --profile quick`.

    Args:
        options: values by parameter name. None, False and the defaults of `--spec` and `--store` are left out; True is
            a flag, a list repeats its option, and a path below the current folder is written relative to it.
    """
    words = ["ablate", name, *arguments]
    for option, value in options.items():
        flag = f"--{option.strip('_').replace('_', '-')}"
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                words.append(flag)
            elif isinstance(one, Path):
                path = one.absolute()
                here = Path.cwd()
                if path not in (SPEC.absolute(), STORE.absolute()):
                    words += [flag, str(path.relative_to(here) if path.is_relative_to(here) else path)]
            elif one is not None and one is not False:
                words += [flag, str(one)]
    return shlex.join(words)
