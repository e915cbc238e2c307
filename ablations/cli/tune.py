"""`ablate tune`: a study from its first trial to the confirmation of its best setting."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ablations.cli.options import (
    STUDY_NAMES,
    Commands,
    Json,
    MirrorOptions,
    Port,
    SpecOptions,
    WorkOptions,
    with_bundles,
    without_password,
)
from ablations.cli.printing import LOADING, console, print_json
from fakeface.errors import UserError

if TYPE_CHECKING:
    from ablations.cli.printing import SafeConsole
    from ablations.spec import Spec, StudySpec
    from ablations.store import Store
    from ablations.studies.runner import Setting, StudyRunner
    from analysis.frames.studies import StudyResult

tune_app = Commands()


@tune_app.command()
@with_bundles
def tune(
    study: Annotated[
        str, typer.Argument(help="Name of a study of the specification.", autocompletion=STUDY_NAMES)
    ],
    chosen: SpecOptions,
    work: WorkOptions,
    mirroring: MirrorOptions,
    trials: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many settings to try, in all.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="URL of a database that keeps the trials (for one store at a time); by default the store does.",
            callback=without_password,
        ),
    ] = None,
    add: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write the best setting into the specification as this run."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be searched and trained at most. Train nothing."),
    ] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Only serve Optuna's dashboard on the study, on 127.0.0.1.")
    ] = False,
    port: Port = 8080,
    json_: Json = False,
) -> None:
    """Search the settings of a run: which work, where the window begins and ends, and how good the best is."""
    out = console(stderr=json_)
    if not dry_run and not dashboard:
        out.note(LOADING)
    from ablations.cli import setup
    from ablations.cli.mirroring import mirrored
    from ablations.cli.tables import print_study
    from ablations.cli.time_left import TimeLeft
    from ablations.jobs.plan import check_components, make_plan
    from ablations.spec.edit import check_new_run
    from ablations.store import Store, data_key
    from ablations.studies.comparison import check_comparable, reference_run, reference_studies, run_searches
    from ablations.studies.runner import StudyRunner
    from ablations.studies.scheduler import TaskScheduler

    if dashboard:
        return _serve_dashboard(chosen, study, storage, port, out)
    spec, store = chosen.load(), Store(chosen.store)
    searched = _with_trials(spec.study(study), trials)
    if dry_run:
        return _dry_run(spec, searched, store, work, out, json_=json_)
    executor = setup.make_executor(store, work)
    if add is not None:
        check_new_run(spec, add)
    studies, reference = [*reference_studies(spec, searched), searched], reference_run(spec, searched)
    runs = [run for one in studies for run in one.choices()]
    runs += [reference.run] if reference is not None else []
    check_components(runs)
    images = setup.prepare_images(runs, store, out)
    setup.say_notes(images.values(), out)
    jobs = make_plan(spec, runs, lambda config: images[data_key(config)])
    check_comparable(searched, jobs)
    setup.prepare_references(jobs, images, store, executor.own_device, out)

    with mirrored(spec, store, mirroring, out) if mirroring.mirror else nullcontext():
        with setup.dispatching(executor, store, work, TimeLeft(0), out) as (dispatcher, view):
            scheduler = TaskScheduler(dispatcher)
            searches = run_searches(
                spec,
                searched,
                lambda one: StudyRunner(spec, one, store, lambda config: images[data_key(config)], storage),
                scheduler,
                view.expect,
            )
        result, *further = (_draw(search.runners) for search in searches)
    status = scheduler.summary.exit_status
    if json_:
        others = {"further_searches": [one.model_dump(mode="json") for one in further]} if further else {}
        print_json(result.model_dump(mode="json") | others)
    else:
        print_study(result, further, out)
        for search in searches:
            out.say("Figures: {}/", os.path.relpath(search.runners[-1].folder))
    if scheduler.summary.stopped_by:
        out.say("[red]Stopped[/] at the crash of {} (--fail-fast).", scheduler.summary.stopped_by)
    best = searches[0].best
    if best is None or searches[-1].best is None:
        how = "Interrupted" if status == 130 else "Not done yet"
        out.say("[yellow]{}.[/] The same command resumes.", how)
        raise typer.Exit(status or 1)
    if add is not None or not json_:
        _show_run(spec, best, result, out, add)
    raise typer.Exit(status)


def _with_trials(study: "StudySpec", trials: int | None) -> "StudySpec":
    """A study with so many trials, if given. Raises UserError for fewer than it enqueues."""
    study = study if trials is None else replace(study, trials=trials)
    if len(study.entry.enqueue) > study.trials:
        raise UserError(
            f"--trials {study.trials}: {study.name} enqueues {len(study.entry.enqueue)} settings; try at least as many"
        )
    return study


def _dry_run(
    spec: "Spec", study: "StudySpec", store: "Store", work: WorkOptions, out: "SafeConsole", *, json_: bool
) -> None:
    from ablations.cli.planned_study import planned_study, print_study_plan
    from ablations.cli.train import slots_of
    from ablations.jobs.listing import device_name
    from ablations.studies.comparison import reference_studies

    references = reference_studies(spec, study)
    plan = planned_study(spec, study, references, store, device_name(work.device), slots_of(work, store))
    if json_:
        print_json(plan.record())
    else:
        print_study_plan(plan, out)


def _serve_dashboard(chosen: SpecOptions, name: str, url: str | None, port: int, out: "SafeConsole") -> None:
    from ablations.store import Store, data_key
    from ablations.studies.dashboard import check_installed, serve
    from ablations.studies.runner import StudyRunner
    from ablations.studies.storage import storage_of

    check_installed()
    spec, store = chosen.load(), Store(chosen.store)
    study = spec.study(name)
    runner = StudyRunner(spec, study, store, lambda config: store.find_data(data_key(config)).images, url)
    if not runner.has_begun():
        raise UserError(
            f"{study.name}: not begun yet with these settings; `ablate tune {study.name}` does that"
        )
    ready = "Dashboard: http://127.0.0.1:{}  (Ctrl-C ends it)"
    serve(storage_of(runner.folder, url), port, lambda: out.say(ready, port))


def _draw(runners: "Sequence[StudyRunner]") -> "StudyResult":
    """Draw the figures of a search and of its reference's, which is behind its own. Returns the search."""
    from ablations.studies.record import FILE
    from analysis.figures.studies import write_figures
    from analysis.frames.studies import StudyResult

    studies = [StudyResult.read(runner.folder / FILE) for runner in runners]
    for runner, study, before in zip(runners, studies, [None, *studies], strict=False):
        write_figures(runner.folder, study, before)
    return studies[-1]


def _show_run(
    spec: "Spec", best: "Setting", study: "StudyResult", out: "SafeConsole", add: str | None
) -> None:
    """Add the best setting to the specification as the run `add`, or print it for the user to add."""
    from ablations.spec.edit import add_run, free_name, run_entry

    score = None if study.best is None else study.best.value
    value = "" if score is None else f", {study.metric} {score:.1f}"
    description = f"Found by the study {study.name}{value} after {study.total_steps} steps."
    name = add or free_name(spec, f"{study.base}-tuned")
    entry = (name, study.base, study.name, best.settings, description)
    if add is not None:
        add_run(spec.path, *entry)
        out.say("Added to {}: {}", spec.path, name)
    else:
        out.say("\nFor {}, under `runs:`", spec.path)
        out.print(run_entry(*entry), soft_wrap=True)
