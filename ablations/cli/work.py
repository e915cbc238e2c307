"""The commands that plan and train."""

from typing import Annotated

import typer

from ablations.cli.options import (
    SPEC,
    STORE,
    Json,
    MirrorOptions,
    Profile,
    Selectors,
    Set,
    SpecFile,
    StorePath,
    WorkOptions,
    console,
    print_json,
    spread,
)

work_app = typer.Typer()


@work_app.command()
@spread()
def plan(chosen: Selectors, json_: Json = False) -> None:
    """Show the jobs, what is done already, what would run and for how long. Runs nothing."""
    from ablations.cli.listing import plan_rows, print_plan

    _, jobs, place = chosen.select()
    rows = plan_rows(jobs, place)
    if json_:
        print_json(rows)
    else:
        print_plan(rows, console())


@work_app.command("run")
@spread()
def run_(
    chosen: Selectors,
    work: WorkOptions,
    mirroring: MirrorOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, run nothing.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Train again what is done; old results are set aside.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write the report at the end, however the jobs went.")
    ] = False,
) -> None:
    """Train and score what the plan asks for and the store does not hold yet."""
    if dry_run:
        from ablations.cli.listing import plan_rows, print_plan

        _, planned, snapshot = chosen.select()
        return print_plan(plan_rows(planned, snapshot, device=work.device, rerun=rerun), console())
    from ablations.cli import running as commands

    spec, runs, place = chosen.choose()
    command = chosen.command_line() if report else None
    options = commands.RunOptions(work=work, mirroring=mirroring, rerun=rerun, report=command)
    raise typer.Exit(commands.run(spec, runs, place, options, console()))


@work_app.command()
@spread(executor="local")
def tune(
    study: Annotated[str, typer.Argument(help="Name of a study of the specification.")],
    work: WorkOptions,
    mirroring: MirrorOptions,
    spec: SpecFile = SPEC,
    profile: Profile = None,
    set_: Set = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many settings to try, in all.")] = None,
    store: StorePath = STORE,
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
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Only serve Optuna's dashboard on the study, on 127.0.0.1.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8080,
    json_: Json = False,
) -> None:
    """Search the settings of a run: which work, where the window begins and ends, and what the best is worth."""
    from dataclasses import replace

    from ablations.cli import commands_tune
    from ablations.spec import load_spec
    from ablations.store import Store

    specification, place = load_spec(spec, profile=profile, overrides=set_ or ()), Store(store)
    chosen = specification.study(study)
    if dashboard:
        return commands_tune.serve_dashboard(specification, chosen, place, storage, port, console())
    if trials is not None:
        chosen = replace(chosen, trials=trials)
    options = commands_tune.TuneOptions(work=work, mirroring=mirroring, storage=storage, add=add, json=json_)
    raise typer.Exit(commands_tune.tune(specification, chosen, place, options, console(stderr=json_)))
