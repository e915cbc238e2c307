"""A study and what it is compared with: another study, which tunes the reference, a run, or nothing."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain

from ablations.jobs.plan import Job
from ablations.spec import Spec, StudySpec
from ablations.studies.runner import Setting, StudyRunner
from ablations.studies.scheduler import TaskScheduler
from fakeface.errors import UserError


def reference_studies(spec: Spec, study: StudySpec) -> list[StudySpec]:
    """The same search of the study that tunes the reference, with as many trials, seeds, steps and searches; empty if
    the reference is a run."""
    sizes = {name: getattr(study, name) for name in ("trials", "seeds", "steps", "searches")}
    return [
        replace(one, **sizes).independent()[study.search]
        for one in spec.studies
        if one.name == study.entry.reference
    ]


def reference_run(spec: Spec, study: StudySpec) -> Setting | None:
    """The run that the study is compared with, at the study's length; None if that is a study, or nothing."""
    run = next((run for run in spec.runs if run.name == study.entry.reference), None)
    return None if run is None else Setting(run.name, study.changed(run, run.name, {}), {}, {})


def check_comparable(study: StudySpec, jobs: Sequence[Job]) -> None:
    """Raises UserError if trials and reference would be scored on other images or under other protocols."""
    for words, known in (
        ("other images", {job.data_digest for job in jobs}),
        ("another protocol", {job.protocol.identity for job in jobs}),
    ):
        if len(known) > 1:
            raise UserError(
                f"{study.name}: its reference {study.entry.reference!r} is scored under {words} than its trials, so "
                "their distances do not compare; give both the same `data` and `evaluation`"
            )


@dataclass(frozen=True)
class Search:
    """One of a study's independent searches, with that of the reference before it where a study tunes the reference."""

    runners: Sequence[StudyRunner]
    best: Setting | None
    """None if some training is left to do."""


def run_searches(
    spec: Spec,
    study: StudySpec,
    make_runner: Callable[[StudySpec], StudyRunner],
    scheduler: TaskScheduler,
    expect: Callable[[int], None],
) -> list[Search]:
    """Run a study's independent searches one after another, up to the first that is left unfinished."""
    reference, searches = reference_run(spec, study), []
    for one in study.independent():
        runners = [make_runner(part) for part in (*reference_studies(spec, one), one)]
        searches.append(Search(runners, run_studies(runners, scheduler, reference, expect)))
        if searches[-1].best is None:
            break
    return searches


def run_studies(
    runners: Sequence[StudyRunner],
    scheduler: TaskScheduler,
    reference: Setting | None,
    expect: Callable[[int], None],
) -> Setting | None:
    """Search all studies in one stream, then locate the edges of the last one and confirm its best setting.

    Args:
        reference: the run that the last study is compared with, unless an earlier study tunes the reference.
        expect: called with the largest number of trainings that this may take.

    Returns:
        The best setting of the last study; None if some training is left to do.
    """
    with ExitStack() as stack:
        opened = [(runner, stack.enter_context(runner.opened())) for runner in runners]
        compared = 2 if reference is not None or len(runners) > 1 else 1
        searching = sum(runner.most_trainings(study) for runner, study in opened)
        expect(searching + runners[-1].most_checks(compared))
        try:
            scheduler.run(chain.from_iterable(runner.trials(study) for runner, study in opened))
        finally:
            for runner, study in opened:
                runner.write(study, scheduler.summary.idle_share)
        found = [runner.best(study) for runner, study in opened]
        if None in found:
            return None
        best = found[-1]
        assert best is not None
        done = runners[-1].confirm(opened[-1][1], scheduler, best, found[0] if len(found) > 1 else reference)
        return best if done else None
