"""Runs studies: the search, then the edges of the window, then the confirmation of the best setting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import optuna
from filelock import Timeout
from optuna.trial import TrialState

from ablations.jobs import training
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Run, Spec, SpecError, StudySpec
from ablations.store import Store, job_lock
from ablations.store.history import History
from ablations.store.locks import lock_of
from ablations.studies.edges import Staircase, axis_of, tried
from ablations.studies.record import FILE, Confirmed, StudyRecord, TrainingResult, folder_name
from ablations.studies.results import result_of
from ablations.studies.sampling import importances, label, open_study
from ablations.studies.scheduler import Task, TaskScheduler
from ablations.studies.storage import database_errors, journal_of, storage_of
from ablations.studies.trials import best_params, search, trial_records
from fakeface.config import DataConfig, canonical_digest
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file
from fakeface.locks import why_stuck

SETTING_DIGITS = 3
"""Significant digits of a setting that is confirmed: further ones make no difference that could be measured."""
_IDENTITY = {"space", "objective", "sampler", "pruner", "enqueue", "sampler_seed"}

FindData = Callable[[DataConfig], ImageSet | None]


@dataclass(frozen=True)
class Setting:
    """A setting to confirm: a name, the run, and the values that a search found for it."""

    name: str
    run: Run
    params: Mapping[str, Any]
    settings: Mapping[str, Any]


class Confirmation(Task):
    """One training of a setting with a fresh seed."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.result: TrainingResult | None = None

    def next_job(self) -> Job | None:
        return self.job if self.result is None else None

    def ended(self, job: Job, history: History) -> None:
        self.result = result_of(job, history)


class StudyRunner:
    """A study's work in one store. Methods that take the Optuna study are for use under `opened`."""

    def __init__(
        self, spec: Spec, study: StudySpec, store: Store, find_data: FindData, url: str | None = None
    ) -> None:
        """`url`: a database that keeps the trials, in place of the store. Raises UserError without prepared data."""
        self.spec, self.study = spec, study
        self.find_data, self.url = find_data, url
        self.experiment = f"{spec.name}-{study.name}"
        base = self.make_job(study.run({}, study.name), 0)
        images = find_data(base.config.data)
        if images is None:
            raise UserError(f"{study.name}: its data are not prepared yet; `ablate data prepare` does that")
        self.total_steps = training.total_steps(base.config, len(images.images))
        searched = study.entry.model_dump(mode="json", include=_IDENTITY)
        # A run of each choice too, since a choice brings code of its own.
        starts = sorted({self.make_job(run, 0).identity for run in study.choices()})
        digest = canonical_digest(
            {"study": searched, "seeds": study.seeds, "starts": starts, "protocol": base.protocol.identity}
            | ({"search": study.search} if study.search else {})
        )
        self.folder = store.studies / folder_name(study.name, digest)
        self.facts: dict[str, Any] = {
            "name": study.name,
            "digest": digest,
            "profile": spec.profile,
            "experiment": self.experiment,
            "description": study.entry.description,
            "base": study.base.name,
            "optimizer": study.base.config.optimizer.name,
            "reference_name": study.entry.reference,
            "metric": base.metric,
            "num_samples": base.config.evaluation.num_samples,
            "data": images.name,
            "data_digest": images.digest,
            "total_steps": self.total_steps,
            "seeds": tuple(study.search_seeds),
            "objective": study.entry.objective,
            "axis": axis_of(study),
            "space": study.space,
            "planned_trials": study.trials,
            "searches": study.searches,
        }

    def make_job(self, run: Run, seed: int, *, curve: bool = False) -> Job:
        """A training of this study: an ordinary job, in the study's own experiment.

        Args:
            curve: score it along the run too, which no study needs.
        """
        spec = replace(self.spec, seeds=(seed,), name=self.experiment)
        job = make_plan(spec, [run], self.find_data)[0]
        return job if curve else job.without_curve()

    @contextmanager
    def opened(self) -> Iterator[optuna.Study]:
        """The Optuna study, under a lock. Raises UserError if another process has it, or if it cannot be stored."""
        with os_errors(self.folder, "keep the study here"):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = job_lock(self.folder)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                busy = "another process works on this study; wait for it, or end it first"
                raise UserError(f"{self.study.name}: {why_stuck(lock_of(self.folder)) or busy}") from None
        try:
            if (self.folder / FILE).exists():  # known before anything is trained
                with os_errors(self.folder / FILE, "write the study"), regular_file(self.folder / FILE):
                    pass
            with os_errors(self.folder, "keep the trials here"), database_errors(self.url):
                storage = storage_of(self.folder, self.url)
                opened = open_study(self.folder.name, self.study, storage, self.total_steps)
                objective = self.study.entry.objective.name
                metric = self.facts["metric"] if objective == "quality" else objective
                label(opened, metric, self.study.entry.description)
                yield opened
        finally:
            lock.release()

    def has_begun(self) -> bool:
        """Whether there are trials, in whatever state. Raises UserError if the storage cannot be read."""
        if self.url is None:
            return journal_of(self.folder).exists()
        with database_errors(self.url):
            return self.folder.name in optuna.get_all_study_names(storage_of(self.folder, self.url))

    def trials(self, opened: optuna.Study) -> Iterator[Task]:
        """The tasks of the search that are left."""
        return search(opened, self.study, self.make_job)

    def most_trainings(self, opened: optuna.Study) -> int:
        """How many trainings the search may still need."""
        ended = sum(trial.state.is_finished() for trial in opened.get_trials(deepcopy=False))
        return max(0, self.study.trials - ended) * self.study.seeds

    def most_checks(self, settings: int) -> int:
        """How many trainings `confirm` may need for this number of settings."""
        edges = 2 * self.study.edges if axis_of(self.study) else 0
        return edges + settings * self.study.confirm

    def best(self, opened: optuna.Study) -> Setting | None:
        """The best setting, with the digits that will be pasted; None while trials are left. Raises UserError if no
        trial ran to its end."""
        states = [trial.state for trial in opened.get_trials(deepcopy=False)]
        ended = sum(state.is_finished() for state in states)
        if TrialState.RUNNING in states or ended < self.study.trials:
            return None
        found = best_params(opened, self.study)
        try:
            return self._setting({path: self._rounded(path, value) for path, value in found.items()})
        except SpecError:  # a momentum so close to 1 that it rounds to it
            return self._setting(found)

    def _setting(self, params: Mapping[str, Any]) -> Setting:
        name = f"{self.study.name}-best"
        settings = {
            path: float(f"{value:.6g}") if isinstance(value, float) else value
            for path, value in self.study.settings(params).items()
        }
        return Setting(name, self.study.changed(self.study.base, name, settings), params, settings)

    def _rounded(self, path: str, value: Any) -> Any:
        """A number as it will be written in `runs.yaml`, so that what is confirmed is what is pasted."""
        dimension = self.study.space[path]
        if dimension.choices or not isinstance(value, float):
            return value
        low, high = dimension.bounds
        return min(max(float(f"{value:.{SETTING_DIGITS}g}"), low), high)

    def confirm(
        self, opened: optuna.Study, scheduler: TaskScheduler, best: Setting, reference: Setting | None
    ) -> bool:
        """Locate the edges, and train the best setting and the reference with fresh seeds, side by side.

        Returns:
            Whether all of that was done.
        """
        edges = self._staircases(opened, best)
        settings = [best] if reference is None else [best, reference]
        checks = [
            [Confirmation(self.make_job(one.run, seed)) for seed in self.study.confirm_seeds]
            for one in settings
        ]
        try:
            scheduler.run(iter([*edges, *chain.from_iterable(zip(*checks, strict=True))]))
        finally:
            found = [self._confirmed(one, row) for one, row in zip(settings, checks, strict=True)]
            self.write(
                opened,
                scheduler.summary.idle_share,
                edges={staircase.side: staircase.record() for staircase in edges},
                best=found[0],
                reference=found[1] if len(found) > 1 else None,
            )
        ended = all(check.result is not None for row in checks for check in row)
        return ended and all(staircase.done for staircase in edges)

    def _confirmed(self, setting: Setting, checks: Sequence[Confirmation]) -> Confirmed:
        return Confirmed(
            name=setting.name,
            params=dict(setting.params),
            settings=dict(setting.settings),
            planned=self.study.confirm,
            results=tuple(check.result for check in checks if check.result is not None),
        )

    def write(self, opened: optuna.Study, idle_share: float, **findings: Any) -> StudyRecord:
        """Write what is known so far.

        Args:
            findings: `edges`, `best` and `reference`; without them, those in the file stay if its trials are the same.
        """
        started = [
            trial.datetime_start for trial in opened.get_trials(deepcopy=False) if trial.datetime_start
        ]
        trials = trial_records(opened, self.study)
        parts: dict[str, Any] = {
            "edges": {},
            "best": None,
            "reference": None,
            "idle_share": round(idle_share, 4),
        }
        record = StudyRecord(
            **self.facts,
            begun=int(min(started).timestamp() * 1000) if started else None,
            trials=trials,
            importances=importances(opened),
            **(parts | (findings or self._findings_before(trials))),
        )
        record.write(self.folder)
        return record

    def _findings_before(self, trials: Sequence[Any]) -> dict[str, Any]:
        """The edges and confirmations in the study's file, if they belong to the very same trials."""
        try:
            before = StudyRecord.read(self.folder / FILE)
        except UserError:
            return {}
        if [(t.number, t.state) for t in before.trials] != [(t.number, t.state) for t in trials]:
            return {}
        return {name: getattr(before, name) for name in ("edges", "best", "reference", "idle_share")}

    def _staircases(self, opened: optuna.Study, best: Setting) -> list[Staircase]:
        axis = axis_of(self.study)
        if axis is None or not self.study.edges:
            return []
        trials = [trial for trial in trial_records(opened, self.study) if trial.results]
        searched = [one for trial in trials for one in tried(trial.params[axis], trial.results)]
        if not any(one.worked for one in searched):
            return []  # there is no window
        at = best.params[axis]
        return [Staircase(self.study, side, searched, at, self.make_job) for side in ("lower", "upper")]
