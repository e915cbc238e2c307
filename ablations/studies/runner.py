"""One process owns a study: it asks, hands out trainings, tells, then locates the edges and confirms what it found."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import TrialState

from ablations.jobs.plan import Job, make_plan
from ablations.spec import Run, Spec, SpecError, StudySpec
from ablations.store import Store
from ablations.store.history import History
from ablations.studies import record
from ablations.studies.edges import Staircase, Tried, axis_of, verdict
from ablations.studies.results import Result, result_of
from ablations.studies.sampling import journal_of, open_study, repair, storage_of
from ablations.studies.scheduler import Task, TaskScheduler
from ablations.studies.trials import best_trial, search
from fakeface.config import DataConfig, canonical_digest
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors

DIGITS = 12
SETTING_DIGITS = 3
"""Significant digits of a setting that is confirmed: nobody could tell more of them apart."""
CONFIRM_SEED = 100
"""First of the seeds that confirm: no search uses so many."""
_IDENTITY = {"space", "objective", "sampler", "pruner", "enqueue", "sampler_seed"}

FindData = Callable[[DataConfig], ImageSet | None]


@dataclass(frozen=True)
class Setting:
    """A setting to confirm: a name, the run, and the values that a search found for it."""

    name: str
    run: Run
    params: Mapping[str, Any]
    settings: Mapping[str, Any]


class Confirmation:
    """One training of a setting with a fresh seed, to its end."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.result: Result | None = None

    def next_job(self) -> Job | None:
        return self.job if self.result is None else None

    def watch(self, history: History, step: int) -> str | None:  # noqa: ARG002
        """Never cut."""
        return None

    def ended(self, job: Job, history: History) -> None:
        self.result = result_of(job, history)

    def crashed(self) -> None:
        """Taken up again by the same command."""


class StudyRunner:
    """A study's work in one store. What takes the opened study is for use under `owned`."""

    def __init__(
        self, spec: Spec, study: StudySpec, store: Store, find_data: FindData, url: str | None = None
    ) -> None:
        self.spec, self.study, self.store = spec, study, store
        self.find_data, self.url = find_data, url
        self.experiment = f"{spec.name}-{study.name}"
        base = self.make_job(study.run({}, study.name), 0)
        images = find_data(base.config.data)
        if images is None:
            raise UserError(f"{study.name}: its data are not prepared yet; `ablate data prepare` does that")
        self.total_steps = base.total_steps(images)
        searched = study.entry.model_dump(mode="json", include=_IDENTITY)
        # A run of each choice too, since a choice brings code of its own.
        starts = sorted({self.make_job(run, 0).identity for run in study.choices()})
        self.digest = canonical_digest(
            {"study": searched, "seeds": study.seeds, "starts": starts, "protocol": base.protocol_identity}
        )
        self.name = f"{study.name}-{self.digest[:DIGITS]}"
        self.folder = store.studies / self.name
        self.facts = {
            "name": self.name,
            "digest": self.digest,
            "profile": spec.profile,
            "experiment": self.experiment,
            "metric": base.metric,
            "num_samples": base.config.evaluation.num_samples,
            "data": images.name,
            "data_digest": images.digest,
            "total_steps": self.total_steps,
            "seeds": list(range(study.seeds)),
        }
        self._record: dict[str, Any] = {}

    def make_job(self, run: Run, seed: int) -> Job:
        """A training of this study: an ordinary job, in the study's own experiment."""
        spec = replace(self.spec, seeds=(seed,), name=self.experiment)
        return make_plan(spec, [run], self.find_data)[0]

    @contextmanager
    def owned(self) -> Iterator[optuna.Study]:
        """The study, opened. Raises UserError while another process owns it, or where it cannot be stored."""
        with os_errors(self.folder, "keep the study here"):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise UserError(
                    f"{self.study.name}: another process works on this study; wait for it, or end it first"
                ) from None
        try:
            with os_errors(self.folder, "keep the trials here"):
                repair(self.folder)
                yield open_study(self.name, self.study, storage_of(self.folder, self.url), self.total_steps)
        finally:
            lock.release()

    def has_begun(self) -> bool:
        """Whether there are trials, of whatever state. Raises UserError where the storage cannot be read."""
        if self.url is None:
            return journal_of(self.folder).exists()
        return self.name in optuna.get_all_study_names(storage_of(self.folder, self.url))

    def trials(self, opened: optuna.Study) -> Iterator[Task]:
        """The tasks of the search that are still to be done."""
        yield from search(opened, self.study, self.make_job)

    def most_trainings(self, opened: optuna.Study) -> int:
        """How many trainings the search may still need."""
        ended = sum(trial.state.is_finished() for trial in opened.get_trials(deepcopy=False))
        return max(0, self.study.trials - ended) * self.study.seeds

    def most_checks(self, settings: int) -> int:
        """How many trainings `confirm` may need for so many settings."""
        edges = 2 * self.study.edges if axis_of(self.study) else 0
        return edges + settings * self.study.confirm

    def best(self, opened: optuna.Study) -> Setting | None:
        """The best setting, rounded as it will be pasted; None while trials are left. Raises UserError without one."""
        states = [trial.state for trial in opened.get_trials(deepcopy=False)]
        ended = sum(state.is_finished() for state in states)
        if TrialState.RUNNING in states or ended < self.study.trials:
            return None
        _, found, _ = best_trial(opened, self.study)
        name = f"{self.study.name}-best"
        try:
            params = {path: self._rounded(path, value) for path, value in found.items()}
            return self._setting(name, params)
        except SpecError:  # a momentum so close to 1 that it rounds to it
            return self._setting(name, found)

    def _setting(self, name: str, params: Mapping[str, Any]) -> Setting:
        settings = {
            path: float(f"{value:.6g}") if isinstance(value, float) else value
            for path, value in self.study.searched_settings(params).items()
        }
        return Setting(name, self.study.changed(self.study.base, name, settings), params, settings)

    def _rounded(self, path: str, value: Any) -> Any:
        """A number as it will stand in `runs.yaml`: what is confirmed is what is pasted."""
        dimension = self.study.space[path]
        if dimension.choices or not isinstance(value, float):
            return value
        assert dimension.low is not None
        assert dimension.high is not None
        return min(max(float(f"{value:.{SETTING_DIGITS}g}"), dimension.low), dimension.high)

    def confirm(
        self, opened: optuna.Study, scheduler: TaskScheduler, best: Setting, reference: Setting | None
    ) -> bool:
        """Locate the edges, and train the best setting and the reference with fresh seeds, side by side.

        Returns:
            Whether all of that was done.
        """
        edges = self._staircases(opened, best)
        settings = [best] if reference is None else [best, reference]
        seeds = range(CONFIRM_SEED, CONFIRM_SEED + self.study.confirm)
        checks = [[Confirmation(self.make_job(one.run, seed)) for seed in seeds] for one in settings]
        try:
            scheduler.work(iter([*edges, *chain.from_iterable(zip(*checks, strict=True))]))
        finally:
            found = [
                record.confirmed(
                    one.name,
                    one.settings,
                    one.params,
                    [check.result for check in row if check.result is not None],
                    planned=self.study.confirm,
                )
                for one, row in zip(settings, checks, strict=True)
            ]
            confirmed = {"best": found[0], "reference": found[1] if len(found) > 1 else None}
            self.write(opened, scheduler.idle_share(), edges=edges, **confirmed)
        results = [check.result for row in checks for check in row]
        return None not in results and all(len(one.results) >= self.study.edges for one in edges)

    def write(self, opened: optuna.Study, idle_share: float, **parts: Any) -> None:
        """Write what is known by now into the study's file; what was found before of the same trials stays in it."""
        facts = self.facts | {"idle_share": round(idle_share, 4)}
        written = record.study_record(self.study, opened, facts=facts, **parts)
        self._record = written if parts else record.keep_findings(written, self.folder)
        with os_errors(self.folder, "write the study"):
            record.write(self.folder, self._record)

    @property
    def found(self) -> dict[str, Any]:
        """What the study's file says."""
        return self._record

    def _staircases(self, opened: optuna.Study, best: Setting) -> list[Staircase]:
        axis = axis_of(self.study)
        if axis is None or not self.study.edges:
            return []
        seen: list[Tried] = []
        for trial in record.trials_record(opened, self.study):
            verdicts = [verdict(Result.from_json(result)) for result in trial["results"]]
            seen += [Tried(trial["params"][axis], worked) for worked in verdicts if worked is not None]
        if not any(one.worked for one in seen):
            return []  # there is no window
        at = best.params[axis]
        return [Staircase(self.study, side, seen, at, self.make_job) for side in ("lower", "upper")]
