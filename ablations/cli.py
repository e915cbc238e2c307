"""The commands. Wires the rooms together; imports late, so that `--help` is quick."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from ablations.cli_data import data_app
from ablations.options import (
    SPEC,
    STORE,
    AllowInexact,
    Device,
    Executor,
    Group,
    Jobs,
    Json,
    MirrorOn,
    MirrorWait,
    Profile,
    RunName,
    Seeds,
    Set,
    SpecFile,
    StorePath,
    Threads,
    TrackingUri,
    choose,
    command_line,
    console,
    print_json,
    select,
)
from fakeface.errors import UserError

app = typer.Typer(
    name="ablate",
    help="Train the variants of a GAN that runs.yaml describes, track them, and compare what each change does.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(data_app, name="data")


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
    from ablations.listing import plan_rows, print_plan

    _, jobs, place = select(spec, store, profile, group, run, seeds, set_)
    rows = plan_rows(jobs, place)
    if json_:
        print_json(rows)
    else:
        print_plan(rows, console())


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
    executor: Executor = "serial",
    jobs: Jobs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, run nothing.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Train again what is done; old results are set aside.")
    ] = False,
    allow_inexact: AllowInexact = False,
    mirror: MirrorOn = True,
    mirror_wait: MirrorWait = 60.0,
    tracking_uri: TrackingUri = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write the report at the end, however the jobs went.")
    ] = False,
) -> None:
    """Train and score what the plan asks for and the store does not hold yet."""
    if dry_run:
        from ablations.listing import plan_rows, print_plan

        _, planned, snapshot = select(spec, store, profile, group, run, seeds, set_)
        return print_plan(plan_rows(planned, snapshot, device=device, rerun=rerun), console())
    from ablations import commands
    from ablations.commands_work import WorkOptions

    specification, runs, place = choose(spec, store, profile, group, run, seeds, set_)
    work = WorkOptions(
        device=device,
        threads=threads,
        executor=executor,
        jobs=jobs,
        allow_inexact=allow_inexact,
        mirror=mirror,
        mirror_wait=mirror_wait,
        tracking_uri=tracking_uri or place.tracking_uri,
    )
    command = command_line(spec, store, profile, group, run, seeds, set_) if report else None
    options = commands.RunOptions(work=work, rerun=rerun, report=command)
    raise typer.Exit(commands.run(specification, runs, place, options, console()))


@app.command()
def tune(
    study: Annotated[str, typer.Argument(help="Name of a study of the specification.")],
    spec: SpecFile = SPEC,
    profile: Profile = None,
    set_: Set = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many settings to try, in all.")] = None,
    store: StorePath = STORE,
    device: Device = "auto",
    threads: Threads = None,
    executor: Executor = "local",
    jobs: Jobs = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="URL of a database that keeps the trials (for one store at a time); by default the store does."
        ),
    ] = None,
    add: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write the best setting into the specification as this run."),
    ] = None,
    mirror: MirrorOn = True,
    mirror_wait: MirrorWait = 60.0,
    tracking_uri: TrackingUri = None,
    allow_inexact: AllowInexact = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Only serve Optuna's dashboard on the study, on 127.0.0.1.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8080,
    json_: Json = False,
) -> None:
    """Search the settings of a run: which work, where the window begins and ends, and what the best is worth."""
    from dataclasses import replace

    from ablations import commands_tune
    from ablations.commands_work import WorkOptions
    from ablations.spec import load_spec
    from ablations.store import Store

    specification, place = load_spec(spec, profile=profile, overrides=set_ or ()), Store(store)
    chosen = specification.study(study)
    if dashboard:
        return commands_tune.serve_dashboard(specification, chosen, place, storage, port, console())
    if trials is not None:
        chosen = replace(chosen, trials=trials)
    work = WorkOptions(
        device=device,
        threads=threads,
        executor=executor,
        jobs=jobs,
        allow_inexact=allow_inexact,
        mirror=mirror,
        mirror_wait=mirror_wait,
        tracking_uri=tracking_uri or place.tracking_uri,
    )
    options = commands_tune.TuneOptions(work=work, storage=storage, add=add, json=json_)
    raise typer.Exit(commands_tune.tune(specification, chosen, place, options, console(stderr=json_)))


@app.command()
def status(
    spec: SpecFile = SPEC,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    tracking_uri: TrackingUri = None,
    json_: Json = False,
) -> None:
    """Show how each job went: outcome, final losses, score."""
    from ablations.listing import frames_of, print_results, status_rows

    _, jobs, place = select(spec, store, profile, group, run, seeds, set_)
    if json_:
        print_json(status_rows(jobs, place, tracking_uri or place.tracking_uri))
    else:
        print_results(frames_of(jobs, place), console())


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
    json_: Json = False,
) -> None:
    """Write the report: verdicts on the claims, loss curves, sample grids, as HTML and Markdown with PNGs."""
    from ablations.commands import write_report

    specification, jobs, place = select(spec, store, profile, group, run, seeds, set_)
    command = command_line(spec, store, profile, group, run, seeds, set_)
    page, record = write_report(specification, jobs, place, out or place.report, command=command)
    if json_:
        print_json(record)
    else:
        console().print(f"Report: {page}", soft_wrap=True)


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
    group: Group = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
) -> None:
    """Draw new faces from a finished run: one grid, or a folder of images."""
    from ablations.commands import write_images

    _, jobs, place = select(spec, store, profile, None, [run], seeds, set_)
    jobs = [job for job in jobs if not group or job.group in group]
    if not jobs:
        raise UserError(f"--group: no run {run!r} in {', '.join(group or ())}")
    written = write_images(jobs[0], place, out, count=count, noise_seed=noise_seed, step=step)
    console().print(f"{count} images: {written}", soft_wrap=True)


@app.command()
def ui(
    store: StorePath = STORE,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow page of this store on 127.0.0.1 until Ctrl-C."""
    from ablations import tracking
    from ablations.store import Store

    out = console()
    out.print("Starting the MLflow page ...")
    tracking.serve(Store(store), port, on_ready=lambda url: out.print(f"MLflow: {url}  (Ctrl-C ends it)"))


@app.command()
def sync(
    store: StorePath = STORE,
    tracking_uri: TrackingUri = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on shipping until Ctrl-C.")] = False,
) -> None:
    """Complete or rebuild the mirror in MLflow from the journals. Ships nothing twice."""
    from ablations.commands_store import ship
    from ablations.store import Store

    place = Store(store)
    raise typer.Exit(ship(place, tracking_uri or place.tracking_uri, console(), follow=follow))


@app.command()
def audit(
    run: Annotated[
        list[str] | None, typer.Argument(help="Finished runs, or patterns; by default the group `report`.")
    ] = None,
    spec: Annotated[Path, typer.Option(help="The specification.")] = SPEC,
    steps: Annotated[int | None, typer.Option(min=1, help="Only the first steps.")] = None,
    profile: Profile = None,
    group: Group = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; by default as many as the job was trained with.")
    ] = None,
) -> None:
    """Train finished jobs again, beside the store, and say at which step anything first differs."""
    from ablations.commands_store import audit_jobs

    _, jobs, place = select(spec, store, profile, group, run, seeds, set_)
    raise typer.Exit(audit_jobs(jobs, place, console(), device=device, threads=threads, steps=steps))


@app.command()
def clean(
    spec: SpecFile = SPEC,
    store: StorePath = STORE,
    profile: Profile = None,
    group: Group = None,
    run: RunName = None,
    seeds: Seeds = None,
    set_: Set = None,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Also results that no run leads to any more, under any profile (or with --set)."
        ),
    ] = False,
    aside: Annotated[bool, typer.Option("--aside", help="Also results that --rerun replaced.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it.")] = False,
) -> None:
    """Show what could be removed from the store, and why; with --yes, remove it. Without selectors: of all jobs."""
    from ablations.commands_store import clean_store, everything, recorded_under
    from ablations.spec import load_spec
    from ablations.store import Snapshot

    place = Snapshot(store)
    chosen = load_spec(spec, profile=profile, overrides=set_ or (), seeds=seeds)
    within = recorded_under(profile, group or (), run or (), chosen.seeds if seeds else None)
    planned = everything(spec, place, set_ or ()) if stale else None
    clean_store(place, console(), planned=planned, within=within, aside=aside, yes=yes)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the specification, for editors."""
    from ablations.spec import schema as file_schema

    print_json(file_schema())


def main() -> None:
    """Entry point: a UserError is shown as it stands, with exit status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log that is followed shows each line as it comes
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
