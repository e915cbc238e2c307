"""`ablate tune`: a study from its first trial to what its best setting is worth."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablations.cli.commands_work import Mirror, at_work, configure, prepare_references, with_data
from ablations.cli.options import MirrorOptions, WorkOptions, print_json
from ablations.cli.view import View, coloured
from ablations.executors.loop import Summary
from ablations.jobs.plan import Job, check_components, make_plan
from ablations.spec import Spec, StudySpec
from ablations.spec.edit import add_run, check_new_run, free_name, run_entry
from ablations.store import Store, data_key
from ablations.studies import Setting, StudyRunner, TaskScheduler
from ablations.studies.dashboard import serve
from ablations.studies.sampling import storage_of
from analysis.frames.studies import from_record
from analysis.report.study_report import write_figures
from analysis.report.study_words import study_words
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError


@dataclass(frozen=True)
class TuneOptions:
    """The options of `ablate tune` that are not selectors."""

    work: WorkOptions
    mirroring: MirrorOptions
    storage: str | None
    """URL of a database that keeps the trials; None: a journal in the store."""
    add: str | None
    """Name under which the best setting becomes a run of the specification; None: it is printed only."""
    json: bool


def tune(spec: Spec, study: StudySpec, store: Store, options: TuneOptions, console: Console) -> int:
    """Search, locate the edges, confirm, show. Returns the exit status, as `ablate run` does.

    Raises:
        UserError: bad input, a machine that will not do, or a study that another process owns.
    """
    configure(options.work)
    if options.add is not None:
        check_new_run(spec, options.add)
    if len(study.entry.enqueue) > study.trials:
        raise UserError(
            f"--trials {study.trials}: {study.name} enqueues {len(study.entry.enqueue)} settings alone"
        )
    studies = [*_partner(spec, study), study]
    reference = _reference_run(spec, study)
    runs = [run for one in studies for run in one.choices()]
    runs += [reference.run] if reference is not None else []
    check_components(runs)
    images = with_data(runs, store, console)

    def find_data(config: DataConfig) -> ImageSet:
        return images[data_key(config)]

    jobs = make_plan(spec, runs, find_data)
    _check_comparable(study, jobs)
    prepare_references(jobs, images, store, options.work, console)
    mirror = Mirror(store, options.mirroring) if options.mirroring.mirror else None
    try:
        with at_work(store, options.work, 0, console) as (executor, view):
            scheduler = TaskScheduler(executor, store, view)
            runners = [StudyRunner(spec, one, store, find_data, options.storage) for one in studies]
            best = _work(runners, scheduler, view, reference)
        _draw(runners)
    finally:
        left = mirror.close(console) if mirror else ""
    if left:
        console.print(left, soft_wrap=True)
    return _tell(spec, runners[-1], best, scheduler.summary, options, console)


def serve_dashboard(
    spec: Spec, study: StudySpec, store: Store, url: str | None, port: int, console: Console
) -> None:
    """Optuna's dashboard on a study that has begun, until Ctrl-C. Raises UserError where there is none."""
    runner = StudyRunner(spec, study, store, lambda config: store.find_data(data_key(config)).images, url)
    if not runner.has_begun():
        raise UserError(
            f"{study.name}: not begun yet with these settings; `ablate tune {study.name}` does that"
        )
    console.print(f"Dashboard: http://127.0.0.1:{port}  (Ctrl-C ends it)", soft_wrap=True)
    serve(storage_of(runner.folder, url), port)


def _partner(spec: Spec, study: StudySpec) -> list[StudySpec]:
    """The study that tunes the reference, with as many trials, seeds and steps; none where that is a run."""
    sizes = {"trials": study.trials, "seeds": study.seeds, "steps": study.steps}
    return [replace(one, **sizes) for one in spec.studies if one.name == study.entry.reference]  # type: ignore[arg-type]


def _reference_run(spec: Spec, study: StudySpec) -> Setting | None:
    """The run that the study is held against, at the study's length; None where that is a study, or nothing."""
    run = next((run for run in spec.runs if run.name == study.entry.reference), None)
    return None if run is None else Setting(run.name, study.resized(run), {}, {})


def _check_comparable(study: StudySpec, jobs: Sequence[Job]) -> None:
    """Raises UserError where trials and reference would be scored on other images or under other protocols."""
    for what in ("data_digest", "protocol_identity"):
        if len({getattr(job, what) for job in jobs}) > 1:
            words = "other images" if what == "data_digest" else "another protocol"
            raise UserError(
                f"{study.name}: its reference {study.entry.reference!r} is scored under {words} than its trials, so "
                "their distances do not compare; give both the same `data` and `evaluation`"
            )


def _work(
    runners: Sequence[StudyRunner], scheduler: TaskScheduler, view: View, reference: Setting | None
) -> Setting | None:
    """All searches in one stream, then edges and confirmation of the last; None where something is left to do."""
    with ExitStack() as stack:
        opened = [(runner, stack.enter_context(runner.owned())) for runner in runners]
        compared = 2 if reference is not None or len(runners) > 1 else 1
        searching = sum(runner.most_trainings(study) for runner, study in opened)
        view.expect(searching + runners[-1].most_checks(compared))
        try:
            scheduler.work(chain.from_iterable(runner.trials(study) for runner, study in opened))
        finally:
            for runner, study in opened:
                runner.write(study, scheduler.idle_share())
        found = [runner.best(study) for runner, study in opened]
        if None in found:
            return None
        best = found[-1]
        assert best is not None
        done = runners[-1].confirm(opened[-1][1], scheduler, best, found[0] if len(found) > 1 else reference)
        return best if done else None


def _draw(runners: Sequence[StudyRunner]) -> None:
    """Every study's figures; the last one's with the search of its reference behind them."""
    studies = [from_record(runner.found) for runner in runners]
    for runner, study, before in zip(runners, studies, [None, *studies], strict=False):
        write_figures(runner.folder, study, before)


# -- what is told ------------------------------------------------------------------------------------------------


def _tell(
    spec: Spec,
    runner: StudyRunner,
    best: Setting | None,
    summary: Summary,
    options: TuneOptions,
    console: Console,
) -> int:
    record, study = runner.found, runner.study
    if options.json:
        print_json(record)
    else:
        print_found(record, console)
        console.print(f"Figures: {os.path.relpath(runner.folder)}/", soft_wrap=True)
    if best is None:
        how = "Interrupted" if summary.exit_status == 130 else "Not done yet"
        console.print(f"[yellow]{how}.[/] The same command goes on where this one stopped.")
        return summary.exit_status or 1
    name = options.add or free_name(spec, f"{study.base.name}-tuned")
    entry = (name, study.base.name, study.name, best.settings, _description(record))
    if options.add is not None:
        add_run(spec.path, *entry)
        console.print(f"Added to {spec.path}: {name}", soft_wrap=True)
    elif not options.json:
        console.print(f"\nFor {spec.path}, under `runs:`", soft_wrap=True)
        console.print(escape(run_entry(*entry)), highlight=False, soft_wrap=True)
    return summary.exit_status


def print_found(record: Mapping[str, Any], console: Console) -> None:
    """The best setting and the reference seed by seed, then what the trials say, in sentences."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "params", "seed", "outcome", record["metric"]):
        table.add_column(column, justify="right" if column in ("seed", record["metric"]) else "left")
    for which in ("best", "reference"):
        found = record[which]
        for index, seed in enumerate(found["seeds"] if found else ()):
            words = [word for word in found["outcomes"][index] if word]
            value = found["values"][index]
            params = ", ".join(
                f"{path} {value:g}" if isinstance(value, float) else f"{path} {value}"
                for path, value in found["params"].items()
            )
            shown = "—" if value is None else f"{value:,.1f}"
            first = index == 0
            table.add_row(
                found["name"] if first else "", params if first else "", str(seed), coloured(words), shown
            )
    console.print()
    console.print(table)
    for sentence in study_words(from_record(record)):
        console.print(f"- {escape(sentence)}", soft_wrap=True)
    console.print(f"- Places for jobs stood empty {record['idle_share']:.0%} of the time.", soft_wrap=True)


def _description(record: Mapping[str, Any]) -> str:
    best = record["best"]
    value = f", {record['metric']} {best['value']:.1f}" if best and best["value"] is not None else ""
    return f"Found by the study {record['study']}{value} after {record['total_steps']} steps."
