"""The commands that show results: `ablate status`, `report` and `generate`; and `ablate schema`."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablations.cli.options import (
    RUN_NAMES,
    Commands,
    Count,
    Json,
    MirrorOptions,
    Selectors,
    TrackingUri,
    picture_or_folder_path,
    shell_command,
    with_bundles,
)
from ablations.cli.printing import READING, console, end_if_left_out, is_verbose, print_json
from analysis.wording import counted, ranges
from fakeface.errors import UserError
from fakeface.outcomes import Exit

if TYPE_CHECKING:
    from ablations.jobs.plan import Job
    from ablations.spec import Spec
    from ablations.store import Store
    from analysis.frames.jobs import Frames
    from analysis.report.build import ReportFiles

results_app = Commands()

MOST_ELSEWHERE = 3
"""Selections that are listed at most."""


@results_app.command()
@with_bundles
def status(
    chosen: Selectors,
    tracking_uri: TrackingUri = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Show it again and again, until Ctrl-C or until no job is running."
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Show how each job ended: outcome, final losses, score."""
    if watch and json_:
        raise UserError("--watch: not with --json; call `ablate status --json` as often as you need it")
    with console().working(READING):
        from ablations.cli.tables import frames_of, print_evidence, print_results
        from ablations.jobs.listing import status_rows

        _, jobs, store = chosen.select()
        jobs = chosen.beside_plain(jobs, store)
        frames = None if json_ else frames_of(jobs, store)
    if not store.jobs.is_dir():
        words = "no store here yet, so nothing has been trained; choose another folder with --store"
        console(stderr=True).say("[yellow]{}[/]: {}", store.root, words)
    if watch:
        from ablations.cli.watching import watch as watch_jobs

        watch_jobs(jobs, store, console())
    elif frames is None:
        from ablations import tracking

        print_json(status_rows(jobs, store, tracking.run_ids(store, tracking_uri or store.tracking_uri)))
    else:
        print_results(frames, console())
        if is_verbose():
            print_evidence(frames, console())
        _say_elsewhere(frames, store)
    end_if_left_out(store.unreadable)


def _say_elsewhere(frames: "Frames", store: "Store") -> None:
    """If none of the requested jobs has begun, list what the store has, as commands that show it."""
    if any(row["exit"] != Exit.NEW for row in frames.outcome_rows):
        return
    seeds: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for history in map(store.history, store.job_folders()):
        for name in history.names[-1:]:
            seeds[name["group"], name["profile"] or "", *name.get("overrides", ())].append(
                history.job["seed"]
            )
    for (group, profile, *overrides), found in list(seeds.items())[:MOST_ELSEWHERE]:
        spans = ranges(sorted({*found})).replace(" ", "")
        command = shell_command(
            "status", group=group, profile=profile or None, set=overrides, seeds=spans, store=store.root
        )
        console().note("The store has {} of another selection: {}", counted(len(found), "job"), command)


@results_app.command()
@with_bundles
def report(
    chosen: Selectors,
    mirroring: MirrorOptions,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Folder to write to; by default <store>/report.")
    ] = None,
    json_: Json = False,
) -> None:
    """Write the report: verdicts on the claims, loss curves, sample grids, as HTML and JSON with PNGs."""
    from ablations import tracking
    from ablations.cli.claim_tables import print_verdicts
    from ablations.cli.mirroring import mirrored

    spec, jobs, store = chosen.select()
    jobs = chosen.beside_plain(jobs, store)
    to, folder = console(stderr=json_), out.absolute() if out else store.report
    with to.working("Writing the report ..."):
        files = write_report(spec, jobs, store, folder, chosen.report_command())
    # The store's own report belongs into MLflow if its jobs are there.
    ships = mirroring.mirror and folder == store.report and tracking.run_ids(store, mirroring.uri(store))
    with mirrored(spec, store, mirroring, to) if ships else nullcontext():
        pass
    if json_:
        print_json({"page": str(files.page), **files.record})
    else:
        print_verdicts(files.record["claims"], to)
        to.say("Report: {}", files.page)
        for figure in files.figures.values():
            to.detail("        {}", figure)
    end_if_left_out([*store.unreadable, *files.record["left_out"]])


def write_report(
    spec: "Spec", jobs: "Sequence[Job]", store: "Store", folder: Path, command: str
) -> "ReportFiles":
    """Write the report on some jobs into a folder. Raises UserError if none of them has begun.

    Args:
        command: the command that trains the jobs, for the report to show.
    """
    from ablations.cli.report_inputs import report_inputs
    from ablations.cli.tables import frames_of
    from analysis.report import build

    inputs = report_inputs(spec, jobs, store)
    return build.build(frames_of(jobs, store), folder, title=spec.name, command=command, inputs=inputs)


@results_app.command()
@with_bundles
def generate(
    chosen: Selectors,
    run: Annotated[str, typer.Argument(help="Name of a finished run.", autocompletion=RUN_NAMES)],
    out: Annotated[
        Path,
        typer.Argument(
            help="A .png file for one grid, or a folder for single images.", callback=picture_or_folder_path
        ),
    ],
    count: Count = 64,
    noise_seed: Annotated[int, typer.Option(metavar="N", help="Seed of the latent vectors.")] = 0,
    step: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="A step whose weights were kept; by default the last."),
    ] = None,
) -> None:
    """Generate new images with a finished run: one grid, or a folder of images."""
    from fakeface.files import os_errors
    from fakeface.images import contact_sheet, save_png

    _, jobs, store = replace(chosen, group=None, run=[run]).select()
    jobs = [job for job in jobs if not chosen.group or job.group in chosen.group]
    if not jobs:
        raise UserError(f"--group: no run {run!r} in {', '.join(chosen.group or ())}")
    with console().working("Generating ..."):
        from ablations.jobs import generating

        images = generating.generate(jobs[0], store, count=count, noise_seed=noise_seed, step=step)
    if out.suffix.lower() == ".png":
        save_png(out, contact_sheet(images, max(1, round(count**0.5))))
    else:
        with os_errors(out, "make a folder of images here"):
            out.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            save_png(out / f"{number:05d}.png", image)
    console().note("{} images: {}", count, out)


@results_app.command()
def schema() -> None:
    """Print the JSON Schema of the specification, for editors."""
    from ablations.spec import schema as file_schema
    from analysis.claims.reading import claims_form

    print_json(file_schema(claims_form()))
