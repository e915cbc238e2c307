"""What a study hears of its trainings, when it cuts them short, and where it looks for the edges."""

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from ablations.spec import Run, StudySpec, load_spec
from ablations.store.history import History
from ablations.studies import edges, trials
from ablations.studies.edges import Staircase, Tried
from ablations.studies.results import WORST, Result
from ablations.studies.sampling import (
    importances,
    next_trial,
    open_study,
    params_of,
    repair,
    resume_trials,
    storage_of,
)
from ablations.studies.trials import Trial, best_trial, objective_value

SPEC = """\
profiles:
  quick: {train: {steps: 100}, study: {trials: 6, seeds: 2, edges: 12}}
runs:
  sgd: {optimizer: sgd}
studies:
  one:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
    enqueue: [{optimizer.lr: 2e-4}]
    pruner: median
  careful:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
  mixed:
    base: sgd
    space:
      optimizer.name: {choices: [sgd, adam]}
      optimizer.betas: {choices: [[0.5, 0.999], [0.9, 0.999]]}
      optimizer.lr: {low: 1e-5, high: 1, log: true}
      train.batch_size: {low: 8, high: 64}
"""


@pytest.fixture
def study(tmp_path: Path) -> StudySpec:
    return study_of(tmp_path, "one")


def study_of(folder: Path, name: str) -> StudySpec:
    (folder / "runs.yaml").write_text(SPEC)
    return load_spec(folder / "runs.yaml").study(name)


def opened(study: StudySpec) -> optuna.Study:
    return open_study(study.name, study, optuna.storages.InMemoryStorage(), 100)


RESULT = Result(
    run="t", seed=0, folder="f", exit="finished", samples="healthy", dynamics="balanced", onset=None, evidence="",
    steps=100, total_steps=100, quality=300.0, spectrum_distance=3.0, update_ratio_G=1e-3, update_ratio_D=1e-3,
)  # fmt: skip


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
    assert replace(RESULT, **changes).regime == regime


def test_failures_are_told_as_finite_values_worse_the_earlier_they_set_in():
    early = replace(RESULT, exit="diverged", onset=5, quality=None)
    late = replace(RESULT, dynamics="discriminator-won", onset=90)
    assert RESULT.value("quality") == 300.0
    assert 300 < WORST <= late.value("quality") < early.value("quality") <= 2 * WORST
    assert math.isfinite(replace(RESULT, quality=None).value("quality"))


def test_a_result_survives_its_way_through_json():
    assert Result.from_json(RESULT.to_json()) == RESULT


def test_the_reports_own_setting_is_tried_first_and_then_what_the_sampler_says(study: StudySpec):
    known = opened(study)
    first, second = next_trial(known, study), next_trial(known, study)
    assert first.params == {"optimizer.lr": 2e-4}
    assert 1e-5 <= second.params["optimizer.lr"] <= 1


def ask_and_tell(known: optuna.Study, study: StudySpec, count: int) -> None:
    for _ in range(count):
        trial = next_trial(known, study)
        known.tell(trial, abs(math.log10(trial.params["optimizer.lr"]) + 1.5))


def test_the_same_seed_gives_the_same_trials_wherever_the_owner_was_killed(study: StudySpec):
    """Killed after each single write to the storage: after queueing, after asking, after setting the number."""
    whole = opened(study)
    ask_and_tell(whole, study, 14)
    storage = optuna.storages.InMemoryStorage()
    for number in range(14):
        known = open_study("one", study, storage, 100)
        if number % 3 == 1:  # killed behind `ask`: the trial runs and has no parameters
            next_trial_without_parameters(known, study)
        (trial,) = resume_trials(known, study) or [next_trial(known, study)]
        if number % 3 == 2:  # killed behind the last parameter
            (trial,) = resume_trials(open_study("one", study, storage, 100), study)
        known.tell(trial.number, abs(math.log10(trial.params["optimizer.lr"]) + 1.5))
    again = open_study("one", study, storage, 100)
    assert [t.params for t in again.trials] == [t.params for t in whole.trials]
    assert [t.value for t in again.trials] == [t.value for t in whole.trials]


def next_trial_without_parameters(known: optuna.Study, study: StudySpec) -> None:
    """What a kill between two writes leaves: a running trial that knows only what it was queued with."""
    from ablations.studies import sampling

    if not any(trial.state == TrialState.WAITING for trial in known.trials):
        known.enqueue_trial(sampling._propose(known, study))
    known.ask()


def test_the_search_closes_in_on_the_best(study: StudySpec):
    known = opened(study)
    ask_and_tell(known, study, 40)
    assert abs(math.log10(best_trial(known, study)[1]["optimizer.lr"]) + 1.5) < 0.1


def test_choices_and_whole_numbers_arrive_as_the_settings_take_them(tmp_path: Path):
    study = study_of(tmp_path, "mixed")
    known = opened(study)
    seen = []
    for _ in range(12):
        trial = next_trial(known, study)
        params = params_of(study, known.trials[trial.number])
        assert isinstance(params["train.batch_size"], int)
        config = study.run(params, "t").config
        assert config.optimizer.name == params["optimizer.name"]
        assert list(config.optimizer.betas) == list(params["optimizer.betas"])
        seen.append(params["optimizer.name"])
        known.tell(trial, 1.0)
    assert set(seen) == {"sgd", "adam"}


def test_importance_is_said_only_where_enough_is_known(study: StudySpec):
    known = opened(study)
    ask_and_tell(known, study, 3)
    assert importances(known) == {}
    ask_and_tell(known, study, 12)
    assert importances(known) == {"optimizer.lr": pytest.approx(1.0)}


# -- one trial ---------------------------------------------------------------------------------------------------


def history_of(
    folder: Path, update_ratio: float, loss_d: float, label: str, score: float, steps: int
) -> History:
    """A journal after some of 100 steps, diagnosed at each tenth."""
    history = History(folder / "journal.jsonl")
    history.apply({"kind": "job", "time": 0, "total_steps": 100})
    for step in range(1, steps + 1):
        right = 1.0 if loss_d < 0.05 else 0.8
        values = {"Loss_D": loss_d, "accuracy_real": right, "accuracy_fake": right}
        values |= {"update_ratio_G": update_ratio, "update_ratio_D": update_ratio}
        record = {"steps": [step], "values": {name: [value] for name, value in values.items()}}
        history.apply({"kind": "metrics", "time": step, **record})
        if step % 10 == 0:
            measured = {"spectrum_distance": score}
            history.apply(
                {"kind": "diagnosis", "step": step, "label": label, "evidence": "", "values": measured}
            )
    return history


def make_job(run: Run, seed: int) -> Any:
    """In a job's place, where nothing is trained."""
    return SimpleNamespace(run=run.name, seed=seed, lr=run.config.optimizer.lr, protocol_identity="p")


def finished(history: History) -> History:
    """The same, with an outcome and a score."""
    score = {"metric": "fd", "values": {"fd": 300.0}, "protocol": "p", "step": 100}
    history.apply({"kind": "evaluation", **score})
    history.apply({"kind": "outcome", "exit": "finished", "steps": 100})
    return history


def trial_of(study: StudySpec, known: optuna.Study) -> Trial:
    return Trial(next_trial(known, study), study, make_job)


def watch_all(trial: Trial, history: History) -> int | None:
    """Show a trial every diagnosis; the step at which it cuts."""
    steps = [diagnosis["step"] for diagnosis in history.diagnoses]
    return next((step for step in steps if trial.watch(history, step)), None)


def test_a_stalled_training_is_cut_after_the_warm_up_and_the_reports_own_setting_never(
    study: StudySpec, tmp_path: Path
):
    known = opened(study)
    still = history_of(tmp_path, 1e-5, 0.7, "noise", 20.0, 100)
    assert watch_all(trial_of(study, known), still) is None  # enqueued
    assert watch_all(trial_of(study, known), still) == 20


def test_a_training_whose_samples_are_healthy_is_not_hopeless(study: StudySpec, tmp_path: Path):
    known = opened(study)
    trial_of(study, known)
    assert watch_all(trial_of(study, known), history_of(tmp_path, 1e-5, 0.7, "healthy", 3.0, 100)) is None


def test_a_discriminator_must_have_been_ahead_for_a_while(study: StudySpec, tmp_path: Path):
    known = opened(study)
    trial_of(study, known)
    won = history_of(tmp_path, 1e-2, 0.001, "noise", 20.0, 100)
    assert watch_all(trial_of(study, known), won) == 30


def test_the_pruner_cuts_what_is_behind_the_others(study: StudySpec, tmp_path: Path):
    known = opened(study)
    for score in (5.0, 4.0, 6.0, 5.0, 3.0):
        trial = trial_of(study, known)
        assert watch_all(trial, history_of(tmp_path, 1e-2, 0.7, "noise", score, 100)) is None
        known.tell(trial.trial, score)
    behind = trial_of(study, known)
    assert watch_all(behind, history_of(tmp_path, 1e-2, 0.7, "noise", 9.0, 100)) == 20
    assert behind.cut is not None and "median" in behind.cut.why
    assert watch_all(trial_of(study, known), history_of(tmp_path, 1e-2, 0.7, "noise", 2.0, 100)) is None


def test_unasked_what_is_only_behind_the_others_goes_on(tmp_path: Path):
    study = study_of(tmp_path, "careful")
    known = opened(study)
    for score in (5.0, 4.0, 6.0, 5.0, 3.0):
        trial = trial_of(study, known)
        watch_all(trial, history_of(tmp_path, 1e-2, 0.7, "noise", score, 100))
        known.tell(trial.trial, score)
    assert watch_all(trial_of(study, known), history_of(tmp_path, 1e-2, 0.7, "noise", 9.0, 100)) is None
    assert watch_all(trial_of(study, known), history_of(tmp_path, 1e-5, 0.7, "noise", 9.0, 100)) == 20


@pytest.mark.parametrize("late", [21, 40, 100])
def test_an_owner_killed_behind_a_cut_tells_the_same_however_late_the_job_stopped(
    study: StudySpec, tmp_path: Path, late: int
):
    known = opened(study)
    trial_of(study, known)
    still = history_of(tmp_path, 1e-5, 0.7, "noise", 20.0, late)
    first = trial_of(study, known)
    assert watch_all(first, still) == 20
    (_, adopted) = resume_trials(known, study)
    again = Trial(adopted, study, make_job)
    job = again.next_job()
    assert job is not None and job.seed == 0
    assert watch_all(again, still) == 20
    again.ended(job, still)
    assert again.next_job() is None
    told_trial = known.trials[1]
    assert (told_trial.state, told_trial.value) == (TrialState.PRUNED, 20.0)
    assert told_trial.user_attrs["cut"]["why"].startswith("stalled by step 20")
    assert json.loads(told_trial.user_attrs["results"])[0]["evidence"].startswith("stalled by step 20")


def test_a_cut_of_the_second_seed_leaves_the_first_as_it_was(study: StudySpec, tmp_path: Path):
    known = opened(study)
    trial_of(study, known)
    trial = trial_of(study, known)
    for _ in range(2):  # as begun, and as adopted by another owner
        job = trial.next_job()
        assert job is not None and job.seed == 0
        works = finished(history_of(tmp_path, 1e-2, 0.7, "healthy", 3.0, 100))
        assert watch_all(trial, works) is None
        trial.ended(job, works)
        job = trial.next_job()
        assert job is not None and job.seed == 1
        still = history_of(tmp_path, 1e-5, 0.7, "noise", 20.0, 60)
        assert watch_all(trial, still) == 20
        kept, trial = trial, Trial(resume_trials(known, study)[1], study, make_job)
    kept.ended(job, still)
    assert kept.next_job() is None
    assert [result.regime for result in kept.results] == ["works", "stalled"]


def test_a_setting_that_crashes_twice_is_told_and_holds_up_nothing(study: StudySpec):
    known = opened(study)
    trial = trial_of(study, known)
    trial.crashed()
    assert known.trials[0].state == TrialState.RUNNING
    Trial(resume_trials(known, study)[0], study, make_job).crashed()
    assert known.trials[0].value == 2 * WORST
    assert known.trials[0].user_attrs["regime"] == "crashed"


@pytest.mark.parametrize(
    ("results", "state", "value"),
    [
        ([RESULT, replace(RESULT, quality=500.0)], TrialState.COMPLETE, 400.0),
        ([replace(RESULT, exit="pruned", samples="noise", dynamics="stalled")], TrialState.PRUNED, None),
        ([RESULT, replace(RESULT, dynamics="discriminator-won", onset=50)], TrialState.COMPLETE, 1.5 * WORST),
        (
            [replace(RESULT, exit="pruned", dynamics="discriminator-won", onset=0)],
            TrialState.COMPLETE,
            2 * WORST,
        ),
    ],
)
def test_what_the_sampler_hears(
    study: StudySpec, results: list[Result], state: TrialState, value: float | None
):
    heard, heard_state = objective_value(results, study)
    assert heard_state == state
    assert value is None or heard == value


def test_a_setting_that_fails_with_one_seed_is_not_trained_with_the_next(
    study: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = opened(study)
    outcomes = iter([RESULT, RESULT, replace(RESULT, samples="noise", quality=900.0)])
    monkeypatch.setattr(trials, "result_of", lambda *_, **__: next(outcomes))
    history = History(tmp_path / "journal.jsonl")
    works, fails = trial_of(study, known), trial_of(study, known)
    for trial, seeds in ((works, [0, 1]), (fails, [0])):
        trained = []
        while (job := trial.next_job()) is not None:
            trained.append(job.seed)
            trial.ended(job, history)
        assert trained == seeds
    assert [trial.value for trial in known.trials] == [300.0, 900.0]
    assert [trial.user_attrs["regime"] for trial in known.trials] == ["works", "noise"]


# -- the edges ---------------------------------------------------------------------------------------------------


def climb(
    study: StudySpec, side: edges.Side, world: Mapping[str, float], monkeypatch: pytest.MonkeyPatch
) -> Staircase:
    """A staircase in a world where training works from one rate to another, and nowhere else."""

    def result(job: Any, history: History) -> Result:  # noqa: ARG001
        works = world["from"] <= job.lr <= world["to"]
        return RESULT if works else replace(RESULT, samples="noise", dynamics="stalled")

    monkeypatch.setattr(edges, "result_of", result)
    searched = [1e-5, 2e-4, 3e-3, 5e-2, 0.4]
    seen = [Tried(lr, world["from"] <= lr <= world["to"]) for lr in searched]
    staircase = Staircase(study, side, seen, 5e-2, make_job)
    seeds = []
    while (job := staircase.next_job()) is not None:
        seeds.append(job.seed)
        staircase.ended(job, History(Path("none")))
    return staircase, seeds


@pytest.mark.parametrize(("side", "edge"), [("lower", "from"), ("upper", "to")])
def test_each_edge_is_located_within_a_tenth_of_a_decade(
    study: StudySpec, side: edges.Side, edge: str, monkeypatch: pytest.MonkeyPatch
):
    world = {"from": 8.1e-3, "to": 0.13}
    staircase, seeds = climb(study, side, world, monkeypatch)
    found = staircase.located()
    assert found is not None
    assert found.low < math.log10(world[edge]) < found.high
    assert abs(found.estimate - math.log10(world[edge])) < 0.1
    assert found.high - found.low < 0.8
    assert seeds == list(range(edges.FIRST_SEED[side], edges.FIRST_SEED[side] + study.edges))


def test_a_window_without_an_end_is_looked_for_at_the_end_of_the_space(
    study: StudySpec, monkeypatch: pytest.MonkeyPatch
):
    staircase, _ = climb(study, "upper", {"from": 8e-3, "to": 10}, monkeypatch)
    assert staircase.xs[0] == 1.0
    assert staircase.located() is None


def test_the_seeds_of_search_edges_and_confirmation_never_meet(study: StudySpec):
    from ablations.studies.runner import CONFIRM_SEED

    firsts = sorted([CONFIRM_SEED, *edges.FIRST_SEED.values()])
    assert study.seeds <= firsts[0]
    assert all(b - a >= 100 for a, b in itertools.pairwise(firsts))


def test_a_torn_line_of_the_trials_is_cut_off_and_the_study_goes_on(study: StudySpec, tmp_path: Path):
    known = open_study("one", study, storage_of(tmp_path, None), 100)
    ask_and_tell(known, study, 3)
    with (tmp_path / "optuna.journal").open("ab") as file:
        file.write(b'{"op_code": 5, "trial')
    repair(tmp_path)
    again = open_study("one", study, storage_of(tmp_path, None), 100)
    assert [t.params for t in again.trials] == [t.params for t in known.trials]
    ask_and_tell(again, study, 1)
    assert len(open_study("one", study, storage_of(tmp_path, None), 100).trials) == 4
