"""The search: each trial is a task whose trainings run one seed after another, and may be cut short."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

import optuna
from optuna.trial import TrialState

from ablations.jobs.outcome import dynamics_finding, samples_finding
from ablations.jobs.plan import Job
from ablations.spec import Run, SpecError, StudySpec
from ablations.store.history import History
from ablations.studies.results import WORST, PruneDecision, Result, result_of
from ablations.studies.sampling import next_trial, params_of, resume_trials
from fakeface.errors import UserError
from fakeface.outcomes import Dynamics, Exit, Regime, Samples

MakeJob = Callable[[Run, int], Job]
MOST_CRASHES = 2
"""So often is a setting that crashes tried before the sampler hears that it does."""
AGGREGATES: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "median": median}
WON_SHARE = 0.2
"""Share of all steps that a discriminator must have been ahead for before a training is cut for it: a short lead early
on is a phase that good trainings have too."""


def search(opened: optuna.Study, study: StudySpec, make_job: MakeJob) -> Iterator["Trial"]:
    """The trials that are still to be done: those begun before, then new ones up to the study's number."""
    for trial in resume_trials(opened, study):
        yield from _buildable(trial, study, make_job)
    while True:
        begun = [t for t in opened.get_trials(deepcopy=False) if t.state != TrialState.WAITING]
        if len(begun) >= study.trials:
            return
        yield from _buildable(next_trial(opened, study), study, make_job)


def _buildable(trial: optuna.Trial, study: StudySpec, make_job: MakeJob) -> Iterator["Trial"]:
    """The trial; none, and the sampler told so, where its settings refuse each other."""
    try:
        yield Trial(trial, study, make_job)
    except SpecError as error:
        trial.set_user_attr("regime", Exit.REFUSED)
        trial.set_user_attr("cut", asdict(PruneDecision(0, 0, str(error))))
        trial.study.tell(trial, 2 * WORST)


class Trial:
    """One setting: trained with one seed after another for as long as it works, then told to the sampler."""

    def __init__(self, trial: optuna.Trial, study: StudySpec, make_job: MakeJob) -> None:
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self.trial, self.study = trial, study
        self.params = params_of(study, frozen)
        self.enqueued = bool(trial.user_attrs.get("enqueued"))
        stored = trial.user_attrs.get("cut")
        self.cut = PruneDecision(**stored) if stored else None
        self.results: list[Result] = []
        self.told = False
        self._reported = set(frozen.intermediate_values)
        run = study.run(self.params, f"{study.name}-t{trial.number}")
        self.jobs = [make_job(run, seed) for seed in range(study.seeds)]

    def next_job(self) -> Job | None:
        """The next seed's job, unless the setting is hopeless after those before it."""
        done = len(self.results)
        if not self.told and done < len(self.jobs) and (done == 0 or self.results[-1].regime == Regime.WORKS):
            return self.jobs[done]
        if not self.told:
            value, state = objective_value(self.results, self.study)
            self._tell(worst_regime(self.results), value, state)
        return None

    def watch(self, history: History, step: int) -> str | None:
        """Report the cheap score, and decide by what is known up to this step whether to go on."""
        seed = len(self.results)
        if self.cut is not None and self.cut.seed == seed:
            return self.cut.why if step >= self.cut.step else None
        diagnosis, total = history.diagnosis_at(step), int(history.job["total_steps"])
        if diagnosis is None or not step:
            return None
        score = diagnosis["values"].get("spectrum_distance", math.nan)
        self._report(float(score), step + total * seed)
        pruner = self.study.entry.pruner
        if self.enqueued or pruner.name == "none" or step >= total or step < pruner.warmup * total:
            return None
        hopeless = _hopeless(history.until(step), total)
        if not hopeless and not self.trial.should_prune():
            return None
        others = f"{pruner.name} pruner: spectrum {score:.1f} dB from the real one at step {step}"
        self.cut = PruneDecision(seed, step, hopeless or others)
        # Stored before the job hears of it, so that an owner that is killed in between decides alike.
        self.trial.set_user_attr("cut", asdict(self.cut))
        return self.cut.why

    def ended(self, job: Job, history: History) -> None:
        """Take in a job that is complete or was cut short."""
        cut = self.cut if self.cut is not None and self.cut.seed == len(self.results) else None
        self.results.append(result_of(job, history, cut))

    def crashed(self) -> None:
        """Count it: a setting that crashes again and again (for want of memory, say) must not hold up its study."""
        crashes = int(self.trial.user_attrs.get("crashes", 0)) + 1
        self.trial.set_user_attr("crashes", crashes)
        if crashes >= MOST_CRASHES:
            self._tell(Exit.CRASHED, 2 * WORST, TrialState.COMPLETE)

    def _report(self, score: float, at: int) -> None:
        if math.isfinite(score) and at not in self._reported:
            self._reported.add(at)
            self.trial.report(score, at)

    def _tell(self, regime: str, value: float, state: TrialState) -> None:
        """Tell the sampler: a finite value, or that the trial was pruned."""
        self.trial.set_user_attr("regime", regime)
        self.trial.set_user_attr("results", json.dumps([result.to_json() for result in self.results]))
        if self.results:
            for key in ("exit", "samples", "dynamics", "onset"):
                self.trial.set_user_attr(key, getattr(self.results[-1], key))
        self.trial.study.tell(self.trial, None if state == TrialState.PRUNED else value, state=state)
        self.told = True


def objective_value(results: list[Result], study: StudySpec) -> tuple[float, TrialState]:
    """What a sampler hears of a setting: failures are finite worst values, what was cut for its score is pruned."""
    objective = study.entry.objective
    values = [result.value(objective.name) for result in results]
    last = results[-1]
    if last.failed:
        return max(values), TrialState.COMPLETE
    if last.exit == Exit.PRUNED:
        return math.nan, TrialState.PRUNED
    return AGGREGATES[objective.aggregate](values), TrialState.COMPLETE


def worst_regime(results: list[Result]) -> str:
    """The regime of the seed that did not work, if there is one."""
    return next((result.regime for result in results if result.regime != Regime.WORKS), Regime.WORKS)


def best_trial(opened: optuna.Study, study: StudySpec) -> tuple[int, dict[str, Any], float]:
    """Number, searched values and value of the best setting. Raises UserError where none ran to its end."""
    ended = opened.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not ended:
        raise UserError(
            f"{opened.study_name}: no trial ran to its end; raise --trials or choose another pruner"
        )
    best = min(ended, key=lambda trial: (float(trial.value or 0.0), trial.number))
    return best.number, params_of(study, best), float(best.value or 0.0)


def _hopeless(history: History, total: int) -> str:
    """Why a training will come to nothing, by all that is known of it by now; empty where that cannot be said."""
    dynamics, step = dynamics_finding(history), history.last_step
    if (
        dynamics.word not in (Dynamics.STALLED, Dynamics.DISCRIMINATOR_WON)
        or samples_finding(history).word == Samples.HEALTHY
    ):
        return ""
    if dynamics.word == Dynamics.DISCRIMINATOR_WON and step - (dynamics.onset or 0) < WON_SHARE * total:
        return ""
    return f"{dynamics.word} by step {step}: {dynamics.evidence}"
