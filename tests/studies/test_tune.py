"""`ablate tune` on real, tiny trainings: free repeats, kills of the command and its workers, output, --add."""

import contextlib
import difflib
import json
import os
import random
import signal
import time
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablations.studies.record import StudyRecord
from tests import processes
from tests.commands import run_command
from tests.lab import histories_of

SPEC = """\
name: tiny
profiles:
  quick:
    data: {name: synthetic, count: 96, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 40, batch_size: 8}
    evaluation: {num_samples: 48, num_reference: 48}
    samples: {num_grids: 8, grid_size: 2}
    checkpoint: {every_steps: 5}
    tracking: {log_model: false}
    study: {trials: 7, seeds: 1, steps: 30, confirm: 2, edges: 2}
runs:
  # Adam.
  baseline: {}
  sgd: {extends: baseline, optimizer: sgd}  # not Adam
  other: {extends: baseline, data: {count: 80}}
studies:
  adam: {base: baseline, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
  against: {base: sgd, reference: adam, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
  odd: {base: sgd, reference: other, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
  unknown: {base: sgd, space: {optimizer.name: {choices: [sgd, addam]}}}
  rates:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
    reference: baseline
    pruner: {name: median, startup: 2}
    enqueue: [{optimizer.lr: 2e-4}]
"""
SERIAL = ("--executor", "serial", "--threads", "1", "--no-mirror")
LOCAL = ("--executor", "local", "--jobs", "1", "--threads", "1", "--no-mirror")
Victims = Callable[[BaseProcess], list[int]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was not disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "runs.yaml").write_text(SPEC)
    run_command(folder, "tune", "rates", *SERIAL)
    return folder


def folder_like(whole: Path, tmp_path: Path) -> Path:
    """A new folder whose store has the data and reference of `whole`, and no job."""
    (tmp_path / "runs.yaml").write_text(SPEC)
    (tmp_path / "results").mkdir()
    for cache in ("data", "reference"):
        (tmp_path / "results" / cache).symlink_to(whole / "results" / cache)
    return tmp_path


def record_of(folder: Path, study: str = "rates") -> StudyRecord:
    (path,) = folder.glob(f"results/studies/{study}-????????????/study.json")
    return StudyRecord.read(path)


def essence(record: StudyRecord) -> Any:
    """What must not depend on kills: trials, edges, best and reference, without the steps after a decision to prune."""
    trials = [(t.number, t.params, t.state, t.value, t.pruned, t.regime) for t in record.trials]
    tried = {side: edge.tried for side, edge in record.edges.items()}
    found = [
        (one.params, one.seeds, one.values) for one in (record.best, record.reference) if one is not None
    ]
    return trials, tried, found


def assert_each_trained_once(folder: Path) -> None:
    histories = histories_of(folder / "results")
    identities = [history.job["identity"] for history in histories]
    assert len(set(identities)) == len(identities)
    for history in histories:
        steps = history.series["Loss_D"].steps
        assert list(steps) == list(range(1, len(steps) + 1))
        assert history.branches == []


def test_a_study_searches_and_confirms(whole: Path):
    record = record_of(whole)
    assert [trial.number for trial in record.trials] == list(range(7))
    assert record.trials[0].params == {"optimizer.lr": 2e-4}
    assert {trial.state for trial in record.trials} <= {"complete", "pruned"}
    values = {trial.value: trial.params["optimizer.lr"] for trial in record.trials if trial.value is not None}
    best, reference = record.best, record.reference
    assert best is not None and reference is not None
    assert best.params["optimizer.lr"] == float(f"{values[min(values)]:.3g}")
    assert {result.seed for trial in record.trials for result in trial.results} == {0}
    assert reference.seeds == best.seeds == (100, 101)
    assert best.value == pytest.approx(sum(best.known) / 2)
    assert_each_trained_once(whole)


def test_further_searches_leave_the_first_as_it_is_and_share_no_training_with_it(whole: Path, tmp_path: Path):
    folder = folder_like(whole, tmp_path)
    size = "study: {trials: 7, seeds: 1, steps: 30, confirm: 2, edges: 2}"
    small = "study: {trials: 1, seeds: 1, steps: 5, confirm: 1, edges: 0, searches: 1}"
    (folder / "runs.yaml").write_text(SPEC.replace(size, small))
    run_command(folder, "tune", "against", *SERIAL)
    first = {study: essence(record_of(folder, study)) for study in ("adam", "against")}
    trained = set(folder.glob("results/jobs/*"))

    (folder / "runs.yaml").write_text(SPEC.replace(size, small.replace("searches: 1", "searches: 2")))
    found = json.loads(run_command(folder, "tune", "against", *SERIAL, "--json").stdout)
    assert {study: essence(record_of(folder, study)) for study in first} == first
    second = record_of(folder, "against-2")
    assert [one["name"] for one in found["further_searches"]] == ["against-2"]
    assert second.reference is not None and second.reference.name == "adam-2-best"
    assert second.searches == record_of(folder, "against").searches == 2
    new = {path.name for path in set(folder.glob("results/jobs/*")) - trained}
    assert {training.folder for training in second.trainings} <= new
    assert {training.seed for training in second.trainings} == {400, 500}
    params = [
        [trial.params for trial in record_of(folder, study).trials] for study in ("against", "against-2")
    ]
    assert params[0] != params[1]
    assert_each_trained_once(folder)


def test_the_same_command_again_trains_nothing_and_finds_the_same(whole: Path):
    before = {path: path.stat().st_mtime_ns for path in whole.glob("results/jobs/*/checkpoint.pt")}
    found = json.loads(run_command(whole, "tune", "rates", *SERIAL, "--json").stdout)
    assert found == record_of(whole).model_dump(mode="json") | {"idle_share": found["idle_share"]}
    assert {path: path.stat().st_mtime_ns for path in whole.glob("results/jobs/*/checkpoint.pt")} == before


def test_cleaning_keeps_what_a_study_trained(whole: Path):
    assert "uses it any more" not in run_command(whole, "clean", "--stale").stdout
    (whole / "runs.yaml").write_text(SPEC[: SPEC.index("studies:")])
    assert "uses it any more" not in run_command(whole, "clean", "--stale").stdout
    (whole / "runs.yaml").write_text(SPEC)


def test_a_trial_whose_job_ran_before_costs_nothing(whole: Path, tmp_path: Path):
    folder = folder_like(whole, tmp_path)
    settings = ("--run", "sgd", "--set", "train.steps=30")
    run_command(folder, "run", *settings, "--threads", "1", "--no-mirror")
    (job,) = folder.glob("results/jobs/*")
    written = (job / "checkpoint.pt").stat().st_mtime_ns
    run_command(folder, "tune", "rates", *SERIAL, "--trials", "1")
    assert (job / "checkpoint.pt").stat().st_mtime_ns == written
    assert record_of(folder).trials[0].results[0].folder == job.name
    (history,) = [history for history in histories_of(folder / "results") if history.folder == job]
    assert history.names[-1]["experiment"] == "tiny-rates"


def test_a_reference_study_keeps_what_it_found_and_is_searched_as_far(whole: Path, tmp_path: Path):
    folder = folder_like(whole, tmp_path)
    run_command(folder, "tune", "adam", *SERIAL, "--trials", "1")
    assert record_of(folder, "adam").best is not None
    run_command(folder, "tune", "against", *SERIAL, "--trials", "2")
    assert len(record_of(folder, "adam").trials) == 2
    reference = record_of(folder, "against").reference
    assert reference is not None and reference.name == "adam-best"
    run_command(folder, "tune", "adam", *SERIAL, "--trials", "2")
    found = record_of(folder, "adam")
    run_command(folder, "tune", "against", *SERIAL, "--trials", "2")
    assert record_of(folder, "adam").best == found.best


def test_adding_the_best_keeps_every_other_line_and_trains_as_it_was_confirmed(whole: Path):
    run_command(whole, "tune", "rates", *SERIAL, "--add", "sgd-tuned")
    text = (whole / "runs.yaml").read_text()
    changed = [line for line in difflib.ndiff(SPEC.splitlines(), text.splitlines()) if line[0] in "+-"]
    assert all(line[0] == "+" for line in changed)
    assert [line for line in changed if "sgd-tuned:" in line or "extends: sgd" in line] != []
    row = json.loads(
        run_command(
            whole, "status", "--json", "--run", "sgd-tuned", "--seeds", "100", "--set", "train.steps=30"
        ).stdout
    )
    assert row[0]["exit"] == "finished"  # it is the very job that confirmed it
    again = run_command(whole, "tune", "rates", *SERIAL, "--add", "sgd-tuned", check=2)
    assert "already" in again.stderr
    (whole / "runs.yaml").write_text(SPEC)


def disturbed(folder: Path, arguments: tuple[str, ...], turns: list[tuple[Victims, float]]) -> None:
    """Start the command once for each turn, and after its seconds kill the processes that it names."""
    for victims, seconds in turns:
        process = processes.start(folder, "tune", "rates", *arguments)
        time.sleep(seconds)
        for victim in victims(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        process.join(processes.TIMEOUT)


def command(process: BaseProcess) -> list[int]:
    return [process.pid] if process.pid and process.is_alive() else []


def workers(process: BaseProcess) -> list[int]:
    children = psutil.Process(process.pid).children() if process.is_alive() else []
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_a_study_that_is_killed_again_and_again_ends_as_if_it_had_not_been(whole: Path, tmp_path: Path):
    folder = folder_like(whole, tmp_path)
    rng = random.Random(1)
    disturbed(folder, SERIAL, [(command, rng.uniform(0.3, 5.0)) for _ in range(8)])
    run_command(folder, "tune", "rates", *SERIAL)
    assert essence(record_of(folder)) == essence(record_of(whole))
    assert_each_trained_once(folder)


@pytest.mark.slow
def test_a_study_whose_workers_are_killed_too_ends_as_if_they_had_not_been(whole: Path, tmp_path: Path):
    folder = folder_like(whole, tmp_path)
    disturbed(folder, LOCAL, [(workers, 7.0), (command, 6.0), (workers, 8.0), (command, 9.0)])
    run_command(folder, "tune", "rates", *LOCAL)
    assert essence(record_of(folder)) == essence(record_of(whole))
    assert_each_trained_once(folder)


def test_only_one_process_works_on_a_study(whole: Path):
    from filelock import FileLock

    (folder,) = whole.glob("results/studies/rates-*")
    with FileLock(folder / "lock"):
        refused = run_command(whole, "tune", "rates", *SERIAL, check=2)
    assert "another process works on this study" in refused.stderr


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("name", ["study.json", "optuna.journal"])
def test_what_is_no_file_in_a_study_is_an_error_before_anything_is_trained(
    whole: Path, tmp_path: Path, name: str, make: Callable[[Path], None]
):
    (study,) = whole.glob("results/studies/rates-*")
    folder = folder_like(whole, tmp_path)
    place = folder / "results/studies" / study.name / name
    place.parent.mkdir(parents=True)
    make(place)
    refused = run_command(folder, "tune", "rates", *SERIAL, check=2)
    assert f"{place}: cannot" in refused.stderr and "is a folder, a pipe or a device" in refused.stderr
    assert not list(folder.glob("results/jobs/*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tune", "raets"), "did you mean 'rates'"),
        (("tune", "rates", "--executor", "slurm"), "unknown executor"),
        (("tune", "odd"), "scored under other images"),
        (("tune", "unknown"), "did you mean 'adam'"),
        (("tune", "rates", "--add", "sgd"), "has a run or study of that name already"),
        (("tune", "rates", "--add", "'x'"), "must be a name"),
        (
            ("tune", "against", "--dashboard"),
            "not begun yet" if find_spec("optuna_dashboard") else "is an extra",
        ),
        (("tune", "rates", "--storage", "nodb://x"), "--storage nodb://x"),
        (
            ("tune", "rates", "--storage", "postgresql://me:s3cret@x/y"),
            "postgresql://***@x/y: an address with",
        ),
        (("tune", "rates", "--set", "optimizer.lr=-1"), "must be > 0"),
    ],
)
def test_bad_input_is_an_error_without_a_traceback(whole: Path, arguments: tuple[str, ...], words: str):
    done = run_command(whole, *arguments, *(() if "--executor" in arguments else SERIAL), check=2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
