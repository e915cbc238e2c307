"""One trial: which seeds it trains, when it prunes a training, and the value that Optuna gets."""

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from ablations.spec import StudySpec
from ablations.store.history import History
from ablations.studies import trials
from ablations.studies.record import WORST, TrainingResult
from ablations.studies.sampling import next_trial, resume_trials
from ablations.studies.trials import TrialTask, objective_value, trial_records
from tests.studies.specs import STEPS, make_job, opened, study_of
from tests.study_records import result

WORKS = result("works", 300.0)
STALLED = result("stalled", pruned=True)


def change(**fields: Any) -> TrainingResult:
    return TrainingResult.model_validate(WORKS.model_dump() | fields)


@pytest.mark.parametrize(
    ("changes", "regime"),
    [
        ({}, "works"),
        ({"samples": "noise"}, "noise"),
        ({"samples": "collapsed"}, "collapsed"),
        ({"samples": "noise", "dynamics": "stalled"}, "stalled"),
        ({"samples": "healthy", "dynamics": "discriminator-won"}, "discriminator-won"),
        ({"exit": "diverged", "dynamics": "discriminator-won"}, "diverged"),
        ({"exit": "pruned", "samples": "noise", "dynamics": "stalled"}, "stalled"),
        ({"exit": "pruned", "samples": "noise"}, "unknown"),
        ({"exit": "pruned"}, "unknown"),
    ],
)
def test_a_training_has_one_regime(changes: dict[str, Any], regime: str):
    assert change(**changes).regime == regime


def test_a_failure_has_a_finite_value_that_is_worse_the_earlier_it_sets_in():
    early = change(exit="diverged", onset=5, quality=None)
    late = change(dynamics="discriminator-won", onset=90)
    assert WORKS.value("quality") == 300.0
    assert 300 < WORST <= late.value("quality") < early.value("quality") <= 2 * WORST
    assert math.isfinite(change(quality=None).value("quality"))


@pytest.mark.parametrize(
    ("results", "state", "value"),
    [
        ([WORKS, change(quality=500.0)], TrialState.COMPLETE, 400.0),
        ([STALLED], TrialState.PRUNED, None),
        ([WORKS, change(dynamics="discriminator-won", onset=150)], TrialState.COMPLETE, 1.5 * WORST),
        ([change(exit="pruned", dynamics="discriminator-won", onset=0)], TrialState.COMPLETE, 2 * WORST),
    ],
)
def test_the_value_of_a_trial(
    study: StudySpec, results: list[TrainingResult], state: TrialState, value: float | None
):
    found, found_state = objective_value(results, study)
    assert found_state == state
    assert value is None or found == value


def history_of(folder: Path, label: str, score: float, steps: int = STEPS, **values: float) -> History:
    """A journal after some of 100 steps, diagnosed at each tenth. Networks move, and none has won, by default."""
    history = History(folder / "journal.jsonl")
    history.apply({"kind": "job", "time": 0, "total_steps": STEPS})
    metrics = {
        "Loss_D": 0.7, "accuracy_real": 0.8, "accuracy_fake": 0.8, "update_ratio_G": 1e-2, "update_ratio_D": 1e-2
    } | values  # fmt: skip
    for step in range(1, steps + 1):
        record = {"steps": [step], "values": {name: [value] for name, value in metrics.items()}}
        history.apply({"kind": "metrics", "time": step, **record})
        if step % 10 == 0:
            measured = {"spectrum_distance": score}
            history.apply(
                {"kind": "diagnosis", "step": step, "label": label, "evidence": "", "values": measured}
            )
    return history


def still(folder: Path, label: str = "noise", score: float = 20.0, steps: int = STEPS) -> History:
    """A generator that has stalled."""
    return history_of(folder, label, score, steps, update_ratio_G=1e-5, update_ratio_D=1e-5)


def finished(history: History) -> History:
    score = {"metric": "fd", "values": {"fd": 300.0}, "protocol": "p", "step": STEPS}
    history.apply({"kind": "evaluation", **score})
    history.apply({"kind": "outcome", "exit": "finished", "steps": STEPS})
    return history


def next_task(study: StudySpec, known: optuna.Study) -> TrialTask:
    return TrialTask(next_trial(known, study), study, make_job)


def pruned_at(trial: TrialTask, history: History) -> int | None:
    """Show a trial every diagnosis; the step at which it prunes."""
    steps = [diagnosis["step"] for diagnosis in history.diagnoses]
    return next((step for step in steps if trial.why_prune(history, step)), None)


def test_a_hopeless_training_is_pruned_after_the_warm_up_and_an_enqueued_one_never(
    study: StudySpec, tmp_path: Path
):
    known = opened(study)
    assert pruned_at(next_task(study, known), still(tmp_path)) is None  # enqueued
    assert pruned_at(next_task(study, known), still(tmp_path)) == 20
    assert pruned_at(next_task(study, known), still(tmp_path, "healthy", 3.0)) is None
    won = history_of(tmp_path, "noise", 20.0, Loss_D=0.001, accuracy_real=1.0, accuracy_fake=1.0)
    assert pruned_at(next_task(study, known), won) == 30  # once it has been ahead for a while


def test_only_an_enqueued_setting_which_may_be_a_runs_own_is_scored_along_the_run(study: StudySpec):
    known = opened(study)
    curves = [[job.curve for job in next_task(study, known).jobs] for _ in range(3)]
    assert curves == [[True, True], [False, False], [False, False]]


@pytest.mark.parametrize(("name", "behind"), [("one", 20), ("careful", None)])
def test_only_the_median_pruner_prunes_what_is_behind_the_others(
    tmp_path: Path, name: str, behind: int | None
):
    study = study_of(tmp_path, name)
    known = opened(study)
    for score in (5.0, 4.0, 6.0, 5.0, 3.0):
        trial = next_task(study, known)
        assert pruned_at(trial, history_of(tmp_path, "noise", score)) is None
        known.tell(trial.trial, score)
    trial = next_task(study, known)
    assert pruned_at(trial, history_of(tmp_path, "noise", 9.0)) == behind
    assert (trial.decision is not None and "median pruner" in trial.decision.why) == (behind is not None)
    assert pruned_at(next_task(study, known), history_of(tmp_path, "noise", 2.0)) is None
    assert pruned_at(next_task(study, known), still(tmp_path, score=2.0)) == 20


@pytest.mark.parametrize("late", [21, 40, 100])
def test_a_study_killed_behind_a_decision_finds_the_same_however_late_the_job_stopped(
    study: StudySpec, tmp_path: Path, late: int
):
    known = opened(study)
    next_task(study, known)
    history = still(tmp_path, steps=late)
    assert pruned_at(next_task(study, known), history) == 20
    (_, resumed) = resume_trials(known, study)
    again = TrialTask(resumed, study, make_job)
    job = again.next_job()
    assert job is not None and job.seed == 0
    assert pruned_at(again, history) == 20
    again.ended(job, history)
    assert again.next_job() is None
    ended = known.trials[1]
    assert (ended.state, ended.value) == (TrialState.PRUNED, 20.0)
    record = trial_records(known, study)[1]
    assert record.pruned.startswith("stalled by step 20")
    assert record.results[0].evidence == record.pruned
    assert json.loads(ended.user_attrs["results"])[0]["regime"] == "stalled"
    shown = {name: ended.user_attrs[name] for name in ("exit", "dynamics", "onset", "distance", "job")}
    assert shown == {
        "exit": "pruned",
        "dynamics": "stalled",
        "onset": 1,
        "distance": None,
        "job": history.folder.name,
    }


def test_pruning_the_second_seed_leaves_the_first_as_it_was(study: StudySpec, tmp_path: Path):
    known = opened(study)
    next_task(study, known)
    trial = next_task(study, known)
    for _ in range(2):  # as begun, and as resumed
        job = trial.next_job()
        assert job is not None and job.seed == 0
        works = finished(history_of(tmp_path, "healthy", 3.0))
        assert pruned_at(trial, works) is None
        trial.ended(job, works)
        job = trial.next_job()
        assert job is not None and job.seed == 1
        assert pruned_at(trial, still(tmp_path, steps=60)) == 20
        kept, trial = trial, TrialTask(resume_trials(known, study)[1], study, make_job)
    kept.ended(job, still(tmp_path, steps=60))
    assert kept.next_job() is None
    assert [result.regime for result in kept.results] == ["works", "stalled"]


def test_a_setting_that_crashes_twice_gets_the_worst_value(study: StudySpec):
    known = opened(study)
    next_task(study, known).crashed()
    assert known.trials[0].state == TrialState.RUNNING
    TrialTask(resume_trials(known, study)[0], study, make_job).crashed()
    assert known.trials[0].value == 2 * WORST
    assert trial_records(known, study)[0].regime == "crashed"


def test_a_setting_that_fails_with_one_seed_is_not_trained_with_the_next(
    study: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = opened(study)
    outcomes = iter([WORKS, WORKS, change(samples="noise", quality=900.0)])
    monkeypatch.setattr(trials, "result_of", lambda *_: next(outcomes))
    history = History(tmp_path / "journal.jsonl")
    works, fails = next_task(study, known), next_task(study, known)
    for trial, seeds in ((works, [0, 1]), (fails, [0])):
        trained = []
        while (job := trial.next_job()) is not None:
            trained.append(job.seed)
            trial.ended(job, history)
        assert trained == seeds
    assert [trial.value for trial in known.trials] == [300.0, 900.0]
    assert [trial.regime for trial in trial_records(known, study)] == ["works", "noise"]
