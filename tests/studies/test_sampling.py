"""Which settings a study tries, in whatever order it is killed and resumed."""

import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from ablations.spec import StudySpec
from ablations.studies import sampling
from ablations.studies.sampling import importances, next_trial, params_of, resume_trials
from ablations.studies.trials import best_params
from tests.studies.specs import opened, study_of


def distance(trial: optuna.Trial) -> float:
    """From the best rate, in decades."""
    return abs(math.log10(trial.params["optimizer.lr"]) + 1.5)


def run_trials(known: optuna.Study, study: StudySpec, count: int) -> None:
    for _ in range(count):
        trial = next_trial(known, study)
        known.tell(trial, distance(trial))


def test_the_enqueued_setting_is_tried_first_and_then_what_the_sampler_says(study: StudySpec):
    known = opened(study)
    first, second = next_trial(known, study), next_trial(known, study)
    assert first.params == {"optimizer.lr": 2e-4}
    assert 1e-5 <= second.params["optimizer.lr"] <= 1


def test_the_same_seed_gives_the_same_trials_wherever_the_study_is_killed(study: StudySpec):
    """Killed after each single write to the storage: after queueing, after asking, after setting the number."""
    whole = opened(study)
    run_trials(whole, study, 14)
    storage = optuna.storages.InMemoryStorage()
    for number in range(14):
        known = opened(study, storage)
        if number % 3 == 1:  # killed behind `ask`: the trial runs and has no parameters
            ask_without_parameters(known, study)
        (trial,) = resume_trials(known, study) or [next_trial(known, study)]
        if number % 3 == 2:  # killed behind the last parameter
            (trial,) = resume_trials(opened(study, storage), study)
        known.tell(trial.number, distance(trial))
    again = opened(study, storage)
    assert [(t.params, t.value) for t in again.trials] == [(t.params, t.value) for t in whole.trials]


def ask_without_parameters(known: optuna.Study, study: StudySpec) -> None:
    """What a kill between two writes leaves: a running trial that has only what it was queued with."""
    if not any(trial.state == TrialState.WAITING for trial in known.trials):
        known.enqueue_trial(sampling._propose(known, study))
    known.ask()


def test_the_search_closes_in_on_the_best(study: StudySpec):
    known = opened(study)
    run_trials(known, study, 40)
    assert abs(math.log10(best_params(known, study)["optimizer.lr"]) + 1.5) < 0.1


def test_choices_and_whole_numbers_arrive_as_the_settings_take_them(tmp_path: Path):
    study = study_of(tmp_path, "mixed")
    known = opened(study)
    tried = []
    for _ in range(12):
        trial = next_trial(known, study)
        params = params_of(study, known.trials[trial.number])
        assert isinstance(params["train.batch_size"], int)
        config = study.run(params, "t").config
        assert config.optimizer.name == params["optimizer.name"]
        assert list(config.optimizer.betas) == list(params["optimizer.betas"])
        tried.append(params["optimizer.name"])
        known.tell(trial, 1.0)
    assert set(tried) == {"sgd", "adam"}


def test_importance_needs_enough_trials(study: StudySpec):
    known = opened(study)
    run_trials(known, study, 3)
    assert importances(known) == {}
    run_trials(known, study, 12)
    assert importances(known) == {"optimizer.lr": pytest.approx(1.0)}
