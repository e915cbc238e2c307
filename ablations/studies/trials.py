"""The search: each trial is a task that trains one setting with one seed after another, and may prune a training."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

import optuna
from optuna.trial import TrialState
from pydantic import TypeAdapter

from ablations.jobs.outcome import dynamics_finding, samples_finding
from ablations.jobs.plan import Job
from ablations.spec import SpecError, StudySpec
from ablations.store.history import History
from ablations.studies.record import WORST, TrainingResult, TrialRecord
from ablations.studies.results import PruneDecision, result_of
from ablations.studies.sampling import next_trial, params_of, resume_trials
from ablations.studies.scheduler import MakeJob, Task
from fakeface.errors import UserError
from fakeface.outcomes import Dynamics, Exit, Regime, Samples

MAX_CRASHES = 2
"""Number of crashes after which a setting is not tried again."""
AGGREGATES: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "median": median}
WON_SHARE = 0.2
"""Share of all steps for which a discriminator must have been ahead before a training is pruned for it: good trainings
too have such a phase early on."""
_RESULTS = TypeAdapter(tuple[TrainingResult, ...])


def search(opened: optuna.Study, study: StudySpec, make_job: MakeJob) -> Iterator[Task]:
    """The trials that are left: those that were running when the study was killed, then new ones."""
    for trial in resume_trials(opened, study):
        yield from _buildable(trial, study, make_job)
    while True:
        begun = [t for t in opened.get_trials(deepcopy=False) if t.state != TrialState.WAITING]
        if len(begun) >= study.trials:
            return
        yield from _buildable(next_trial(opened, study), study, make_job)


def _buildable(trial: optuna.Trial, study: StudySpec, make_job: MakeJob) -> Iterator[Task]:
    """The trial as a task; none if its settings are invalid together, which counts as the worst failure."""
    try:
        yield TrialTask(trial, study, make_job)
    except SpecError as error:
        trial.set_user_attr("regime", Exit.REFUSED)
        trial.set_user_attr("pruned", asdict(PruneDecision(0, 0, str(error))))
        trial.study.tell(trial, 2 * WORST)


class TrialTask(Task):
    """One setting, trained with one seed after another as long as it works. Optuna then gets its value."""

    def __init__(self, trial: optuna.Trial, study: StudySpec, make_job: MakeJob) -> None:
        """Raises SpecError if the settings are invalid together."""
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self.trial, self.study = trial, study
        self.params = params_of(study, frozen)
        self.enqueued = bool(trial.user_attrs.get("enqueued"))
        stored = trial.user_attrs.get("pruned")
        self.decision = PruneDecision(**stored) if stored else None
        self.results: list[TrainingResult] = []
        self.finished = False
        self._reported = set(frozen.intermediate_values)
        run = study.run(self.params, f"{study.name}-t{trial.number}")
        # A setting that is enqueued may be a run's own, whose training it then is.
        self.jobs = [make_job(run, seed, curve=self.enqueued) for seed in study.search_seeds]

    def next_job(self) -> Job | None:
        done = len(self.results)
        works = all(result.regime == Regime.WORKS for result in self.results)
        if not self.finished and works and done < len(self.jobs):
            return self.jobs[done]
        if not self.finished:
            self._finish(worst_regime(self.results), *objective_value(self.results, self.study))
        return None

    def why_prune(self, history: History, step: int) -> str | None:
        """Report the cheap score to Optuna, and decide by what the journal says up to this step."""
        seed = len(self.results)
        if self.decision is not None and self.decision.seed == seed:
            return self.decision.why if step >= self.decision.step else None
        diagnosis, total = history.diagnosis_at(step), int(history.job["total_steps"])
        if diagnosis is None or not step:
            return None
        score = float(diagnosis["values"].get("spectrum_distance", math.nan))
        self._report(score, step + total * seed)
        pruner = self.study.entry.pruner
        if self.enqueued or pruner.name == "none" or step >= total or step < pruner.warmup * total:
            return None
        why = _hopeless(history.until(step), total)
        if not why and not self.trial.should_prune():
            return None
        why = why or f"{pruner.name} pruner: spectrum {score:.1f} dB from the real one at step {step}"
        self.decision = PruneDecision(seed, step, why)
        # Stored before the job is cancelled, so that a study that is killed in between decides the same.
        self.trial.set_user_attr("pruned", asdict(self.decision))
        return why

    def ended(self, job: Job, history: History) -> None:
        ours = self.decision is not None and self.decision.seed == len(self.results)
        self.results.append(result_of(job, history, self.decision if ours else None))

    def crashed(self) -> None:
        """Count it: a setting that crashes every time (for lack of memory, say) must not block its study."""
        crashes = int(self.trial.user_attrs.get("crashes", 0)) + 1
        self.trial.set_user_attr("crashes", crashes)
        if crashes >= MAX_CRASHES:
            self._finish(Exit.CRASHED, 2 * WORST, TrialState.COMPLETE)

    def _report(self, score: float, at: int) -> None:
        if math.isfinite(score) and at not in self._reported:
            self._reported.add(at)
            self.trial.report(score, at)

    def _finish(self, regime: str, value: float, state: TrialState) -> None:
        """Store the results and close the trial, with a finite value or as pruned."""
        self.trial.set_user_attr("regime", regime)
        self.trial.set_user_attr("results", _RESULTS.dump_json(tuple(self.results)).decode())
        if self.results:  # for Optuna's dashboard and `trials_dataframe`
            for key in ("exit", "samples", "dynamics", "onset"):
                self.trial.set_user_attr(key, getattr(self.results[-1], key))
            known = [result.quality for result in self.results if result.quality is not None]
            self.trial.set_user_attr("distance", fmean(known) if known else None)
            self.trial.set_user_attr("job", ", ".join(result.folder for result in self.results))
        self.trial.study.tell(self.trial, None if state == TrialState.PRUNED else value, state=state)
        self.finished = True


def objective_value(results: list[TrainingResult], study: StudySpec) -> tuple[float, TrialState]:
    """Value and state of a trial: failures are complete with a finite worst value; others that were cut are pruned."""
    objective = study.entry.objective
    values = [result.value(objective.name) for result in results]
    last = results[-1]
    if last.failed:
        return max(values), TrialState.COMPLETE
    if last.exit == Exit.PRUNED:
        return math.nan, TrialState.PRUNED
    return AGGREGATES[objective.aggregate](values), TrialState.COMPLETE


def worst_regime(results: list[TrainingResult]) -> str:
    """The regime of the seed that did not work, if there is one."""
    return next((result.regime for result in results if result.regime != Regime.WORKS), Regime.WORKS)


def trial_records(opened: optuna.Study, study: StudySpec) -> tuple[TrialRecord, ...]:
    """Every trial of an Optuna study."""
    return tuple(
        TrialRecord(
            number=trial.number,
            state=trial.state.name.lower(),
            enqueued=bool(trial.user_attrs.get("enqueued")),
            params=(params := params_of(study, trial)),
            settings=study.settings(params),
            value=trial.value if trial.state == TrialState.COMPLETE else None,
            pruned=trial.user_attrs.get("pruned", {}).get("why", ""),
            regime=trial.user_attrs.get("regime"),
            results=_RESULTS.validate_json(trial.user_attrs.get("results", "[]")),
        )
        for trial in opened.get_trials(deepcopy=False)
    )


def best_params(opened: optuna.Study, study: StudySpec) -> dict[str, Any]:
    """The searched values of the best setting. Raises UserError if no trial ran to its end."""
    ended = opened.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not ended:
        raise UserError(
            f"{opened.study_name}: no trial ran to its end; raise --trials or choose another pruner"
        )
    best = min(ended, key=lambda trial: (float(trial.value or 0.0), trial.number))
    return params_of(study, best)


def _hopeless(history: History, total: int) -> str:
    """Why a training can no longer succeed, by what its journal says so far; empty if that cannot be said."""
    dynamics, step = dynamics_finding(history), history.last_step
    if (
        dynamics.word not in (Dynamics.STALLED, Dynamics.DISCRIMINATOR_WON)
        or samples_finding(history).word == Samples.HEALTHY
    ):
        return ""
    if dynamics.word == Dynamics.DISCRIMINATOR_WON and step - (dynamics.onset or 0) < WON_SHARE * total:
        return ""
    return f"{dynamics.word} by step {step}: {dynamics.evidence}"
