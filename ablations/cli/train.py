"""`ablate plan` and `ablate run`."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablations.cli.options import (
    Commands,
    Json,
    MirrorOptions,
    PlaceOptions,
    Selectors,
    WorkOptions,
    shell_command,
    with_bundles,
)
from ablations.cli.printing import LOADING, READING, SafeConsole, console, end_if_left_out, print_json
from fakeface.environment import jobs_for_cores
from fakeface.errors import UserError

if TYPE_CHECKING:
    from ablations.cli.time_left import TimeLeft
    from ablations.cli.until_decided import UntilDecided
    from ablations.executors import Executor
    from ablations.executors.loop import Summary
    from ablations.jobs.estimate import Price
    from ablations.jobs.plan import Job
    from ablations.spec import Spec
    from ablations.store import Store
    from analysis.frames.jobs import Frames
    from analysis.report.build import ReportFiles
    from fakeface.config import DataConfig
    from fakeface.data import ImageSet

train_app = Commands()


@train_app.command()
@with_bundles
def plan(chosen: Selectors, place: PlaceOptions, json_: Json = False) -> None:
    """Show what is done, what would be trained and for how long, and what its seeds can show. Trains nothing."""
    _show_plan(chosen, place, json_=json_)


@train_app.command("run")
@with_bundles
def run_(
    chosen: Selectors,
    work: WorkOptions,
    mirroring: MirrorOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, train nothing.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Train finished jobs again; their old results are set aside.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write the report at the end, however the jobs ended.")
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Then add seeds to the runs of claims that are still open, and judge these at looks whose levels "
            "are fixed beforehand.",
        ),
    ] = False,
    max_seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, max=1000, help="For --until-decided: seeds of a run at most; by default 20."
        ),
    ] = None,
    profile_steps: Annotated[
        bool,
        typer.Option(
            "--profile-steps",
            help="Run the jobs one after another in this process, and print where their time went.",
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Train and score the jobs that the store does not hold yet."""
    _check_looks(until_decided=until_decided, max_seeds=max_seeds, rerun=rerun)
    looking: dict[str, Any] = {"until_decided": until_decided, "max_seeds": max_seeds}
    if dry_run:
        return _show_plan(chosen, work, rerun=rerun, **looking, json_=json_)
    out = console(stderr=json_)
    out.note(LOADING)
    if profile_steps:
        work = replace(work, executor="serial")
        # Before anything starts the GPU: its time then counts where it is spent.
        os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    spec, runs, store = chosen.choose()  # before torch is loaded, so that what is wrong is said at once

    from ablations import tracking
    from ablations.cli import setup
    from ablations.cli.mirroring import mirrored
    from ablations.cli.tables import frames_of, plan_words, print_results
    from ablations.cli.time_left import TimeLeft
    from ablations.cli.until_decided import UntilDecided
    from ablations.jobs.listing import plan_rows, status_rows
    from ablations.jobs.plan import make_plan
    from ablations.jobs.status import Status, state_of
    from ablations.store import Snapshot, data_key

    executor = setup.make_executor(store, work)
    make_plan(spec, runs, lambda _: None)  # a wrong name stops the command before it prepares anything
    images = setup.prepare_images(runs, store, out)
    setup.say_notes(images.values(), out)

    def find_data(config: "DataConfig") -> "ImageSet":
        return images[data_key(config)]

    looks = UntilDecided(spec, runs, store, find_data, max_seeds) if until_decided else None
    jobs = looks.first_jobs() if looks else make_plan(spec, runs, find_data)
    before = Snapshot(store.root)
    todo = [job for job in jobs if rerun or state_of(job, before).status != Status.DONE]
    rows, price = plan_rows(todo, before, device=work.device, slots=executor.slots(work.jobs), rerun=rerun)
    for note in dict.fromkeys(f"{job.run}: {job.note}" for job in todo if job.note):
        out.note("{}", note)
    if todo:
        out.note("{}", plan_words(price, len(jobs)), wrap=True)
    setup.prepare_references(todo, images, store, executor.own_device, out)
    if rerun:  # last, so that a command that is refused sets nothing aside
        store.archive([job.identity for job in jobs])

    ships = mirroring.mirror and (todo or report or until_decided)
    with mirrored(spec, store, mirroring, out) if ships else nullcontext():
        left = TimeLeft(
            len(todo),
            {f"{row['run']}-s{row['seed']}": row["expected_seconds"] for row in rows},
            price.makespan,
        )
        summary = _train(todo, looks, price, left, store, executor, work, out, profile=profile_steps)
        jobs = looks.all_jobs() if looks else jobs
        now = Snapshot(store.root)
        shown = chosen.beside_plain(jobs, now)
        frames = frames_of(shown, now)
        out.note("")
        print_results(frames, out)
        written = _report(spec, shown, now, chosen.report_command(**looking), out) if report else None
    _say_where(frames, written, compare_words(shown, store, mirroring.uri(store)), out)
    if json_:
        rows = status_rows(shown, now, tracking.run_ids(store, mirroring.uri(store)))
        print_json(_record(shown, rows, summary, written))
    _say_stopped(summary, "The same command without --rerun" if rerun else "The same command", out)
    raise typer.Exit(summary.exit_status)


def _check_looks(*, until_decided: bool, max_seeds: int | None, rerun: bool) -> None:
    """Raises UserError for options that do not fit to `--until-decided`."""
    if max_seeds is not None and not until_decided:
        raise UserError("--max-seeds: for --until-decided only; --seeds says which seeds are trained")
    if until_decided and rerun:
        raise UserError(
            "--rerun: looks that were taken stay taken; leave out --until-decided, or give new --seeds"
        )


def slots_of(place: PlaceOptions, store: "Store") -> int:
    """How many jobs would run side by side."""
    from ablations.jobs.listing import device_name

    if place.executor == "local" and device_name(place.device) == "cpu":
        return place.jobs or jobs_for_cores(place.threads)  # as `local` does, without its imports
    from ablations.cli import setup

    with setup.make_executor(store, WorkOptions(**vars(place))) as executor:
        return executor.slots(place.jobs)


def _show_plan(
    chosen: Selectors,
    place: PlaceOptions,
    *,
    rerun: bool = False,
    until_decided: bool = False,
    max_seeds: int | None = None,
    json_: bool,
) -> None:
    """Show what would be done, and with `--until-decided` at which numbers of seeds would be looked."""
    with console(stderr=json_).working(READING):
        from ablations.cli.claim_tables import print_outlooks
        from ablations.cli.planned_claims import planned_claims
        from ablations.cli.tables import print_plan
        from ablations.jobs.listing import plan_rows
        from analysis.claims.power import record

        spec, jobs, store = chosen.select()
        slots = slots_of(place, store)
        rows, price = plan_rows(jobs, store, device=place.device, slots=slots, rerun=rerun)
        claims = planned_claims(spec, jobs, store)
    content = {"jobs": rows, "price": asdict(price), "claims": [record(claim) for claim in claims]}
    if not json_:
        print_plan(rows, price, console())
        print_outlooks(claims, console())
    if until_decided:
        from ablations.cli.until_decided import DEFAULT_MOST, design_of, design_words  # late: imports torch

        design = design_of(spec.seeds, max_seeds or DEFAULT_MOST)
        content["looks"] = asdict(design)
        console(stderr=json_).say("{}", design_words(design))
    if json_:
        print_json(content)
    end_if_left_out(store.unreadable)


def _train(
    todo: "Sequence[Job]",
    looks: "UntilDecided | None",
    price: "Price",
    left: "TimeLeft",
    store: "Store",
    executor: "Executor",
    work: WorkOptions,
    out: SafeConsole,
    *,
    profile: bool,
) -> "Summary":
    """Train jobs, and what looks at claims need after them. Say how long it took, and what the plan expected."""
    from ablations.cli import setup
    from ablations.cli.tables import comparison
    from ablations.executors.loop import Summary, run_plan

    if not todo and not looks:
        out.note("Nothing to do: every job is done.")
        return Summary()
    with (
        _profiled(out) if profile else nullcontext(),
        setup.dispatching(executor, store, work, left, out) as (dispatcher, view),
    ):
        if looks:
            return looks.run(dispatcher, view.expect, out)
        began = time.monotonic()
        summary = run_plan(todo, dispatcher)
        took = time.monotonic() - began
    if summary.all_ended:
        out.note("{}", comparison(price, took), wrap=True)
    return summary


@contextmanager
def _profiled(out: SafeConsole) -> Iterator[None]:
    """Print where the time of the jobs of the block went."""
    from cProfile import Profile

    from ablations.cli.tables import print_profile
    from ablations.jobs.profiling import parts_of

    with Profile() as profile:
        yield
    out.print()
    print_profile(parts_of(profile), out)


def _say_where(frames: "Frames", written: "ReportFiles | None", compare: str, out: SafeConsole) -> None:
    """Say where the pictures and the report are, and how to compare the runs in MLflow."""
    if not frames.images.empty:
        folder = frames.images["path"].iloc[0].parent.parent.parent
        out.note("Pictures: {}/*/samples/", os.path.relpath(folder))
    if written:
        out.say("Report:   {}", os.path.relpath(written.page))
    if compare:
        out.note("Compare:  {}", compare)


def _say_stopped(summary: "Summary", same: str, out: SafeConsole) -> None:
    if summary.stopped_by:
        crash = "[red]Stopped[/] at the crash of {} (--fail-fast). {} tries it again and resumes the others."
        out.say(crash, summary.stopped_by, same)
    elif summary.exit_status == 130:
        out.say("[yellow]Interrupted.[/] {} resumes.", same)


def _report(
    spec: "Spec", jobs: "Sequence[Job]", store: "Store", command: str, out: SafeConsole
) -> "ReportFiles | None":
    """Write the report and print its verdicts. Without anything to report on, say so, which changes no exit status."""
    from ablations.cli.claim_tables import print_verdicts
    from ablations.cli.results import write_report

    try:
        files = write_report(spec, jobs, store, store.report, command)
    except UserError as error:
        out.say("[yellow]No report:[/] {}", error)
        return None
    if files.record["claims"]:
        out.print()
        print_verdicts(files.record["claims"], out)
        out.print()
    return files


def _record(
    jobs: "Sequence[Job]", rows: Sequence[dict[str, Any]], summary: "Summary", written: "ReportFiles | None"
) -> dict[str, Any]:
    """What `run --json` prints: the rows of `status --json`, how each job ended in this command, and the report."""
    return {
        "jobs": [
            {**row, "ended": summary.exits.get(job.name), "why": summary.reasons.get(job.name, "")}
            for job, row in zip(jobs, rows, strict=True)
        ],
        "stopped_by": summary.stopped_by,
        "exit_status": summary.exit_status,
        "report": {"page": str(written.page), **written.record} if written else None,
    }


def compare_words(jobs: "Sequence[Job]", store: "Store", uri: str) -> str:
    """How to see these jobs side by side in MLflow; empty if none of them was shipped."""
    from ablations import tracking
    from ablations.jobs.status import results_of

    found = [results_of(job, store) for job in jobs]
    shipped = tracking.run_ids(store, uri)
    folders = {folder.name for folder in found if folder is not None and folder.name in shipped}
    if not folders:
        return ""
    labels = {"profile": {job.profile for job in jobs}, "group": {job.group for job in jobs}}
    tags = {name: next(iter(values)) for name, values in labels.items() if len(values) == 1}
    link = tracking.compare_link(store, uri, folders, tags=tags)
    if uri.startswith(("http://", "https://")):
        return link
    if uri != store.tracking_uri:
        return f"`mlflow ui --backend-store-uri {uri}`, then {link}"
    return f"`{shell_command('ui', store=store.root)}`, then {link}"
