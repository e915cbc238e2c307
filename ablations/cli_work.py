"""The commands that plan and train."""

from typing import Annotated

import typer

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

work_app = typer.Typer()


@work_app.command()
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


@work_app.command("run")
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
    from ablations.commands_work import MirrorOptions, WorkOptions

    specification, runs, place = choose(spec, store, profile, group, run, seeds, set_)
    work = WorkOptions(
        device=device,
        threads=threads,
        executor=executor,
        jobs=jobs,
        allow_inexact=allow_inexact,
    )
    shipping = MirrorOptions(on=mirror, wait=mirror_wait, uri=tracking_uri or place.tracking_uri)
    command = command_line(spec, store, profile, group, run, seeds, set_) if report else None
    options = commands.RunOptions(work=work, mirror=shipping, rerun=rerun, report=command)
    raise typer.Exit(commands.run(specification, runs, place, options, console()))


@work_app.command()
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
    from ablations.commands_work import MirrorOptions, WorkOptions
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
    )
    shipping = MirrorOptions(on=mirror, wait=mirror_wait, uri=tracking_uri or place.tracking_uri)
    options = commands_tune.TuneOptions(work=work, mirror=shipping, storage=storage, add=add, json=json_)
    raise typer.Exit(commands_tune.tune(specification, chosen, place, options, console(stderr=json_)))
