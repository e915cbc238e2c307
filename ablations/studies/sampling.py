"""Optuna's part of a study: the storage, the next setting, what is told, and what mattered.

One process owns a study (a lock says so); trainings never touch the storage. Each setting is chosen by a sampler of
its own, seeded by the trial's number, on a replica in memory, and only then written, whole: whatever instant the
owner is killed at, the same command goes on with the same settings.
"""

import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from ablations.spec import StudySpec
from ablations.spec.models import Dimension, PrunerConfig
from fakeface.errors import UserError

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

GRACE_SECONDS = 5
"""A lock that an owner left behind when it was killed is taken over after this time."""
MIN_FOR_IMPORTANCE = 8
SAMPLERS = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}


def storage_of(folder: Path, url: str | None) -> BaseStorage:
    """Where trials are kept: a journal in the store, or a database. Raises UserError where it cannot be had."""
    path = journal_of(folder)
    try:
        if url is not None:
            return get_storage(url)
        return JournalStorage(JournalFileBackend(str(path), JournalFileSymlinkLock(str(path), GRACE_SECONDS)))
    except Exception as error:  # whatever the database's driver raises, or a journal that is damaged
        where = str(path) if url is None else f"--storage {url}"
        raise UserError(f"{where}: cannot read the trials: {type(error).__name__}: {error}") from error


def journal_of(folder: Path) -> Path:
    """Optuna's journal of the study in a folder."""
    return folder / "optuna.journal"


def repair(folder: Path) -> None:
    """Cut off what a full disk or a kill left of a line: the next line would be glued to it, and neither be read."""
    path = journal_of(folder)
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))


def open_study(name: str, study: StudySpec, storage: BaseStorage, total_steps: int) -> optuna.Study:
    """The Optuna study, created with what the specification enqueues, or as it was left."""
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


def next_trial(opened: optuna.Study, study: StudySpec) -> optuna.Trial:
    """The next setting to try, its parameters set and stored."""
    if not any(trial.state == TrialState.WAITING for trial in opened.get_trials(deepcopy=False)):
        opened.enqueue_trial(_propose(opened, study))
    return _with_params(opened.ask(), opened, study)


def resume_trials(opened: optuna.Study, study: StudySpec) -> list[optuna.Trial]:
    """Trials that an owner was working on when it ended, to be gone on with."""
    running = opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [_with_params(optuna.Trial(opened, frozen._trial_id), opened, study) for frozen in running]


def params_of(study: StudySpec, trial: FrozenTrial) -> dict[str, Any]:
    """A trial's searched values as the settings take them, also where an owner died before it had set them."""
    fixed = trial.system_attrs.get("fixed_params", {})
    return {path: _plain(study.space[path], fixed[path]) for path in study.space if path in fixed}


def importances(opened: optuna.Study) -> dict[str, float]:
    """Share of each searched setting in the differences between values (fANOVA, Hutter et al. 2014), on ranks.

    Ranks, since what is told for failures is far from any measured value. Empty where too few trials have ended.
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
    """Optuna's pruner of what is behind the others, for a study's settings; steps are generator steps."""
    warmup = math.ceil(config.warmup * total_steps)
    if config.name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=config.startup, n_warmup_steps=warmup)
    return optuna.pruners.NopPruner()


def _propose(opened: optuna.Study, study: StudySpec) -> dict[str, Any]:
    """What the sampler would try next, as stored values. Touches no storage."""
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
    """Set what the trial was queued with; what a former owner had set stays."""
    fixed = opened.get_trials(deepcopy=False)[trial.number].system_attrs["fixed_params"]
    for path in study.space:
        if path in fixed:
            _suggest(trial, path, _distribution(path, study.space[path], study))
    return trial


def _distribution(path: str, dimension: Dimension, study: StudySpec) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution([_stored(dimension, choice) for choice in dimension.choices])
    assert dimension.low is not None
    assert dimension.high is not None
    if study.integer(path) and not dimension.effective:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(float(dimension.low), float(dimension.high), log=dimension.log)


def _stored(dimension: Dimension, value: Any) -> Any:
    """A value as Optuna keeps it: lists and mappings among choices as JSON text."""
    if not dimension.choices or value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value)


def _plain(dimension: Dimension, stored: Any) -> Any:
    if not dimension.choices:
        return stored
    return next(choice for choice in dimension.choices if _stored(dimension, choice) == stored)
