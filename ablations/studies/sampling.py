"""Optuna's part of a study: the next setting, the pruner, and what mattered.

Each setting is chosen by a sampler of its own, seeded by the trial's number, on a copy of the study in memory, and is
then queued in one write. So a study that is killed at any instant resumes with the same settings.
"""

import json
import math
import warnings
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from ablations.spec import StudySpec
from ablations.spec.models import Dimension, PrunerConfig
from ablations.studies.record import WORST

optuna.logging.set_verbosity(optuna.logging.WARNING)

MIN_FOR_IMPORTANCE = 8
SAMPLERS = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}


def open_study(name: str, study: StudySpec, storage: BaseStorage, total_steps: int) -> optuna.Study:
    """The Optuna study: as it was left, or created with what the specification enqueues."""
    opened = optuna.create_study(
        study_name=name,
        storage=storage,
        direction="minimize",
        pruner=pruner_of(study.entry.pruner, total_steps),
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked: see `_propose`
        load_if_exists=True,
    )
    for params in study.entry.enqueue:
        stored = {path: _stored(study.space[path], value) for path, value in params.items()}
        if not any(trial.system_attrs.get("fixed_params") == stored for trial in opened.trials):
            opened.enqueue_trial(stored, user_attrs={"enqueued": True})
    return opened


def label(opened: optuna.Study, metric: str, description: str) -> None:
    """Name a study's value, and say in its user attributes what it is about. Writes what is not stored yet.

    metric: registered name of the value.
    """
    if opened.metric_names != [metric]:
        with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
            opened.set_metric_names([metric])
    about = {
        "description": description,
        "value": f"{metric}, or {WORST:.0e} to {2 * WORST:.0e} for a training that diverged or whose discriminator won",
        "intermediate_values": "spectrum_distance of the samples in dB, by generator step (all steps of one seed, then "
        "those of the next)",
    }
    for name, text in about.items():
        if opened.user_attrs.get(name) != text:
            opened.set_user_attr(name, text)


def next_trial(opened: optuna.Study, study: StudySpec) -> optuna.Trial:
    """The next setting to try, with its parameters stored."""
    if not any(trial.state == TrialState.WAITING for trial in opened.get_trials(deepcopy=False)):
        opened.enqueue_trial(_propose(opened, study))
    return _with_params(opened.ask(), opened, study)


def resume_trials(opened: optuna.Study, study: StudySpec) -> list[optuna.Trial]:
    """The trials that were running when the study was killed."""
    running = opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [_with_params(optuna.Trial(opened, frozen._trial_id), opened, study) for frozen in running]


def params_of(study: StudySpec, trial: FrozenTrial) -> dict[str, Any]:
    """A trial's searched values as the settings take them, even if the study was killed before they were all stored."""
    fixed = trial.system_attrs.get("fixed_params", {})
    return {path: _plain(study.space[path], fixed[path]) for path in study.space if path in fixed}


def importances(opened: optuna.Study) -> dict[str, float]:
    """Share of each searched setting in the differences between values (fANOVA, Hutter et al. 2014), on ranks.

    Ranks, because the value of a failure is far from any measured one. Empty if too few trials have ended.
    """
    ended = opened.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(ended) < MIN_FOR_IMPORTANCE or len({trial.value for trial in ended}) < 2:
        return {}
    order = sorted(float(trial.value or 0.0) for trial in ended)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(
        opened, evaluator=evaluator, target=lambda trial: float(order.index(float(trial.value or 0.0)))
    )
    return {path: float(share) for path, share in found.items()}


def pruner_of(config: PrunerConfig, total_steps: int) -> optuna.pruners.BasePruner:
    """Optuna's pruner of what is behind the other trials; its steps are generator steps."""
    warmup = math.ceil(config.warmup * total_steps)
    if config.name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=config.startup, n_warmup_steps=warmup)
    return optuna.pruners.NopPruner()


def _propose(opened: optuna.Study, study: StudySpec) -> dict[str, Any]:
    """What the sampler would try next, as stored values. Does not use the storage."""
    known = opened.get_trials(deepcopy=False)
    seed = study.entry.sampler_seed * 1_000_003 + len(known)
    replica = optuna.create_study(
        direction="minimize", sampler=SAMPLERS[study.entry.sampler](seed=seed % 2**32)
    )
    replica.add_trials(known)
    trial = replica.ask()
    return {
        path: _suggest(trial, path, _distribution(path, dimension, study))
        for path, dimension in study.space.items()
    }


def _suggest(trial: optuna.Trial, path: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(path, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(path, distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(path, distribution.low, distribution.high, log=distribution.log)


def _with_params(trial: optuna.Trial, opened: optuna.Study, study: StudySpec) -> optuna.Trial:
    """Set the parameters that the trial was queued with, unless they are set already."""
    fixed = opened.get_trials(deepcopy=False)[trial.number].system_attrs["fixed_params"]
    for path in study.space:
        if path in fixed:
            _suggest(trial, path, _distribution(path, study.space[path], study))
    return trial


def _distribution(path: str, dimension: Dimension, study: StudySpec) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution([_stored(dimension, choice) for choice in dimension.choices])
    low, high = dimension.bounds
    if study.integer(path) and not dimension.effective:
        return IntDistribution(int(low), int(high), log=dimension.log)
    return FloatDistribution(float(low), float(high), log=dimension.log)


def _stored(dimension: Dimension, value: Any) -> Any:
    """A value as Optuna stores it: lists and mappings among choices as JSON text."""
    if not dimension.choices or value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value)


def _plain(dimension: Dimension, stored: Any) -> Any:
    if not dimension.choices:
        return stored
    return next(choice for choice in dimension.choices if _stored(dimension, choice) == stored)
