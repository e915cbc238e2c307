"""The commands that show what the results say."""

from pathlib import Path
from typing import Annotated

import typer

from ablations.cli.options import (
    SPEC,
    STORE,
    Group,
    Json,
    MirrorOptions,
    Profile,
    Seeds,
    Selectors,
    Set,
    SpecFile,
    StorePath,
    TrackingUri,
    console,
    print_json,
    spread,
)
from fakeface.errors import UserError

results_app = typer.Typer()


@results_app.command()
@spread()
def status(chosen: Selectors, tracking_uri: TrackingUri = None, json_: Json = False) -> None:
    """Show how each job went: outcome, final losses, score."""
    from ablations.cli.listing import frames_of, print_results, status_rows

    _, jobs, place = chosen.select()
    if json_:
        print_json(status_rows(jobs, place, tracking_uri or place.tracking_uri))
    else:
        print_results(frames_of(jobs, place), console())


@results_app.command()
@spread()
def report(
    chosen: Selectors,
    mirroring: MirrorOptions,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default <store>/report.")] = None,
    json_: Json = False,
) -> None:
    """Write the report: verdicts on the claims, loss curves, sample grids, as HTML and JSON with PNGs."""
    from ablations.cli.running import write_report

    spec, jobs, place = chosen.select()
    told, folder = console(stderr=json_), out.absolute() if out else place.report
    files = write_report(spec, jobs, place, folder, mirroring, told, command=chosen.command_line())
    if json_:
        print_json({"page": str(files.page), **files.record})
    else:
        told.print(f"Report: {files.page}", soft_wrap=True)


@results_app.command()
def generate(
    run: Annotated[str, typer.Argument(help="Name of a finished run.")],
    out: Annotated[Path, typer.Argument(help="A .png file for one grid, or a folder for single images.")],
    spec: SpecFile = SPEC,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")] = 64,
    noise_seed: Annotated[int, typer.Option(help="Seed of the latent vectors.")] = 0,
    step: Annotated[
        int | None, typer.Option(help="A step whose weights were kept; by default the last.")
    ] = None,
    profile: Profile = None,
    group: Group = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Draw new faces from a finished run: one grid, or a folder of images."""
    from ablations.cli.running import write_images

    chosen = Selectors(spec=spec, profile=profile, run=[run], seeds=seeds, set_=set_, store=store)
    _, jobs, place = chosen.select()
    jobs = [job for job in jobs if not group or job.group in group]
    if not jobs:
        raise UserError(f"--group: no run {run!r} in {', '.join(group or ())}")
    written = write_images(jobs[0], place, out, count=count, noise_seed=noise_seed, step=step)
    console().print(f"{count} images: {written}", soft_wrap=True)


@results_app.command()
def schema() -> None:
    """Print the JSON Schema of the specification, for editors."""
    from ablations.spec import schema as file_schema

    print_json(file_schema())
