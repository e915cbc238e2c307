"""The commands. Wires the rooms together; imports late, so that `--help` is quick."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fakeface.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from ablations.plan import Job
    from ablations.spec import Spec
    from ablations.store import Store

app = typer.Typer(
    name="ablate",
    help="Train the variants of a GAN that runs.yaml describes, track them, and compare what each change does.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data_app = typer.Typer(no_args_is_help=True, help="Prepare and look at the real images.")
app.add_typer(data_app, name="data")

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


def _select(
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


@app.command()
def plan(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    json_: Json = False,
) -> None:
    """Show the jobs, what is done already, what would run and for how long. Runs nothing."""
    from ablations.commands import plan_rows, print_plan

    _, jobs, place = _select(spec, store, profile, group, run, seeds, set_)
    rows = plan_rows(jobs, place)
    if json_:
        _print_json(rows)
    else:
        print_plan(rows, _console())


@app.command("run")
def run_(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    device: Device = "auto",
    threads: Threads = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, run nothing.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Train again what is done; old results are set aside.")
    ] = False,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Go on with a job that was begun on another stack.")
    ] = False,
    mirror: Annotated[
        bool, typer.Option("--mirror/--no-mirror", help="Ship the journals to MLflow meanwhile.")
    ] = True,
    mirror_wait: Annotated[float, typer.Option(help="Seconds to wait at the end for the mirror.")] = 60.0,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server; by default a file in the store.")
    ] = None,
) -> None:
    """Train and score what the plan asks for and the store does not hold yet."""
    from ablations import commands

    if dry_run:
        return plan(spec, profile, group, run, seeds, set_, store)
    specification, _, place = _select(spec, store, profile, group, run, seeds, set_)
    options = commands.RunOptions(
        device=device,
        threads=threads,
        rerun=rerun,
        allow_inexact=allow_inexact,
        mirror=mirror,
        mirror_wait=mirror_wait,
        tracking_uri=tracking_uri or place.tracking_uri,
    )
    status = commands.run(
        specification, specification.select(group or (), run or ()), place, options, _console()
    )
    raise typer.Exit(status)


@app.command()
def status(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    json_: Json = False,
) -> None:
    """Show how each job went: outcome, final losses, score."""
    from ablations.commands import print_results, status_rows

    _, jobs, place = _select(spec, store, profile, group, run, seeds, set_)
    if json_:
        _print_json(status_rows(jobs, place))
    else:
        print_results(jobs, place, _console())


@app.command()
def report(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default <store>/report.")] = None,
) -> None:
    """Write the report: loss curves, sample grids and the table, as PNGs and one HTML page."""
    from ablations.commands import write_report

    specification, jobs, place = _select(spec, store, profile, group, run, seeds, set_)
    page = write_report(specification, jobs, place, out or place.report, command=_command_line())
    _console().print(f"Report: {page}", soft_wrap=True)


@app.command()
def generate(
    run: Annotated[str, typer.Argument(help="Name of a finished run.")],
    out: Annotated[Path, typer.Argument(help="A .png file for one grid, or a folder for single images.")],
    spec: Annotated[Path, typer.Option(help="The specification.")] = SPEC,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")] = 64,
    noise_seed: Annotated[int, typer.Option(help="Seed of the latent vectors.")] = 0,
    step: Annotated[
        int | None, typer.Option(help="A step whose weights were kept; by default the last.")
    ] = None,
    profile: Profile = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Draw new faces from a finished run: one grid, or a folder of images."""
    from ablations.commands import write_images

    _, jobs, place = _select(spec, store, profile, None, [run], seeds, set_)
    written = write_images(jobs[0], place, out, count=count, noise_seed=noise_seed, step=step)
    _console().print(f"{count} images: {written}", soft_wrap=True)


@app.command()
def ui(
    store: StorePath = STORE,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow page of this store on 127.0.0.1 until Ctrl-C."""
    from ablations import tracking
    from ablations.store import Store

    tracking.serve(Store(store), port)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the specification, for editors."""
    from ablations.spec import schema as file_schema

    _print_json(file_schema())


@data_app.command("prepare")
def data_prepare(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    set_: Set = None,
    store: StorePath = STORE,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Decode again, where the source changed.")
    ] = False,
) -> None:
    """Render, download or decode the images that the runs need, once."""
    from ablations.commands import prepare_data

    specification, _, place = _select(spec, store, profile, group, run, None, set_)
    for images in prepare_data(
        specification.select(group or (), run or ()), place, _console(), refresh=refresh
    ):
        _describe(images)


@data_app.command("info")
def data_info(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Say what the prepared images are: count, size, digest, source, files that were skipped."""
    from ablations.commands import prepared_data

    specification, _, place = _select(spec, store, profile, group, run, None, set_)
    for images in prepared_data(specification.select(group or (), run or ()), place):
        _describe(images)


@data_app.command("preview")
def data_preview(
    out: Annotated[Path, typer.Argument(help="A .png file.")],
    spec: Annotated[Path, typer.Option(help="The specification.")] = SPEC,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")] = 64,
    profile: Profile = None,
    run: RunName = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Write a contact sheet of the real images."""
    from ablations.commands import prepare_data
    from fakeface.images import contact_sheet, save_png

    specification, _, place = _select(spec, store, profile, None, run, None, set_)
    images = prepare_data(specification.select((), run or ()), place, _console())[0].images[:count]
    save_png(out, contact_sheet(images, max(1, round(len(images) ** 0.5))))
    _console().print(f"{len(images)} images: {out}", soft_wrap=True)


def _describe(images: Any) -> None:
    console = _console()
    count, height, width, channels = images.images.shape
    console.print(f"[bold]{images.name}[/]  {count:,} images, {height}x{width}, {channels} channel(s)")
    console.print(f"  source  {images.source}\n  digest  {images.digest}", soft_wrap=True, highlight=False)
    for skipped in images.skipped[:10]:
        console.print(f"  skipped {skipped.file}: {skipped.why}", soft_wrap=True, highlight=False)
    if len(images.skipped) > 10:
        console.print(f"  ... and {len(images.skipped) - 10} more skipped")


def _console() -> "Console":
    from rich.console import Console

    # Where nobody watches, a table need not fit 80 columns.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _command_line() -> str:
    return " ".join(["ablate", *sys.argv[1:]])


def main() -> None:
    """Entry point: a UserError is shown as it stands, with exit status 2."""
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
