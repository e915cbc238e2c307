"""The search: each trial is a task whose trainings run one seed after another, and may be cut short."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import fmean, median
from typing import Any

import optuna
from optuna.trial import TrialState

from ablations.history import History
from ablations.plan import Job
from ablations.spec import Run, Study
from ablations.studies.results import Result, dynamics_until, result_of
from ablations.studies.sampling import adopt, next_trial, params_of
from fakeface.errors import UserError

MakeJob = Callable[[Run, int], Job]
AGGREGATES: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "median": median, "worst": max}
WON_SHARE = 0.2
"""Share of all steps that a discriminator must have been ahead for before a training is cut for it: a short lead early
on is a phase that good trainings have too."""


def search(opened: optuna.Study, study: Study, make_job: MakeJob) -> Iterator["Trial"]:
    """The trials that are still to be done: those begun before, then new ones up to the study's number."""
    yield from (Trial(trial, study, make_job) for trial in adopt(opened, study))
    while True:
        begun = [t for t in opened.get_trials(deepcopy=False) if t.state != TrialState.WAITING]
        if len(begun) >= study.trials:
            return
        yield Trial(next_trial(opened, study), study, make_job)


class Trial:
    """One setting: trained with one seed after another for as long as it works, then told to the sampler."""

    def __init__(self, trial: optuna.Trial, study: Study, make_job: MakeJob) -> None:
        self.trial, self.study = trial, study
        self.params = params_of(study, trial.study.get_trials(deepcopy=False)[trial.number])
        self.enqueued = bool(trial.user_attrs.get("enqueued"))
        self.cut = str(trial.user_attrs.get("cut", ""))
        """Why it was cut short; empty while it was not."""
        self.results: list[Result] = []
        self.told = False
        run = study.run(self.params, f"{study.name}-t{trial.number}")
        self.jobs = [make_job(run, seed) for seed in range(study.seeds)]

    def next_job(self) -> Job | None:
        """The next seed's job, unless the setting is hopeless after those before it."""
        done = len(self.results)
        if not self.cut and done < len(self.jobs) and (done == 0 or self.results[-1].regime == "works"):
            return self.jobs[done]
        if not self.told:
            self._tell()
        return None

    def watch(self, history: History, step: int) -> str | None:
        """Report the cheap score, and decide by what is known up to this step whether to go on."""
        total = int(history.job["total_steps"])
        diagnosis = history.diagnosis_at(step)
        if self.cut or diagnosis is None or not step:
            return self.cut or None
        score = diagnosis["values"].get("spectrum_distance", math.nan)
        at = step + total * len(self.results)
        if math.isfinite(score):
            self.trial.report(float(score), at)
        pruner = self.study.entry.pruner
        if self.enqueued or pruner.name == "none" or step >= total or step < pruner.warmup * total:
            return None
        hopeless = (
            _hopeless(history, step, total) if pruner.hopeless and diagnosis["label"] != "healthy" else ""
        )
        if hopeless or self.trial.should_prune():
            others = f"{pruner.name} pruner: spectrum {score:.1f} dB from the real one at step {step}"
            self.cut = hopeless or others
            # Stored before the job hears of it, so that an owner that is killed in between decides alike.
            self.trial.set_user_attr("cut", self.cut)
            return self.cut
        return None

    def ended(self, job: Job, history: History) -> None:
        """Take in a job that is complete or was cut short."""
        result = result_of(job, history, cut=self.cut)
        self.results.append(replace(result, steps=history.last_step) if self.cut else result)

    def _tell(self) -> None:
        """Tell the sampler: a finite value, or that the trial was pruned."""
        value, state = told(self.results, self.study)
        self.trial.set_user_attr("regime", worst_regime(self.results))
        self.trial.set_user_attr("results", json.dumps([result.to_json() for result in self.results]))
        for key in ("exit", "samples", "dynamics", "onset"):
            self.trial.set_user_attr(key, getattr(self.results[-1], key))
        self.trial.study.tell(self.trial, None if state == TrialState.PRUNED else value, state=state)
        self.told = True


def told(results: list[Result], study: Study) -> tuple[float, TrialState]:
    """What a sampler hears of a setting: failures are finite worst values, what was cut for its score is pruned."""
    objective = study.entry.objective
    values = [result.value(objective.name) for result in results]
    last = results[-1]
    if last.failed:
        return max(values), TrialState.COMPLETE
    if last.exit == "pruned":
        return math.nan, TrialState.PRUNED
    return AGGREGATES[objective.aggregate](values), TrialState.COMPLETE


def worst_regime(results: list[Result]) -> str:
    """The regime of the seed that did not work, if there is one."""
    return next((result.regime for result in results if result.regime != "works"), "works")


def best_trial(opened: optuna.Study, study: Study) -> tuple[int, dict[str, Any], float]:
    """Number, searched values and value of the best setting. Raises UserError where none ran to its end."""
    ended = opened.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not ended:
        raise UserError(
            f"{opened.study_name}: no trial ran to its end; raise --trials or choose another pruner"
        )
    best = min(ended, key=lambda trial: (float(trial.value or 0.0), trial.number))
    return best.number, params_of(study, best), float(best.value or 0.0)


def _hopeless(history: History, step: int, total: int) -> str:
    """Why the training will come to nothing, by the dynamics up to a step; empty where that cannot be said."""
    dynamics = dynamics_until(history, step)
    if dynamics is None or dynamics.label == "balanced":
        return ""
    if dynamics.label == "discriminator-won" and step - (dynamics.onset or 0) < WON_SHARE * total:
        return ""
    return f"{dynamics.label} by step {step}: {dynamics.evidence}"
