"""Kills, wiped mirrors, damaged journals, inexact resumes: same points, none twice."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablations.store import Store
from ablations.tracking import model, pending, server, state, sync
from tests.tracking_jobs import (
    Job,
    check_mirrored,
    image_steps,
    journal_rows,
    mirror_rows,
    new_store,
    run_of,
    wipe_mirror,
)

CALLS = (
    *(
        "create_experiment",
        "create_run",
        "log_batch",
        "log_artifact",
        "set_tag",
        "set_terminated",
        "update_run",
    ),
    *("log_inputs", "log_image", "create_logged_model", "log_model_artifacts", "log_outputs"),
    "finalize_logged_model",
)
SYNC = """
import sys
from pathlib import Path
from ablations.store import Store
from ablations.tracking import sync
store = Store(Path(sys.argv[1]))
print(sync(store, store.tracking_uri).complete)
"""
FORK = multiprocessing.get_context("fork")


def sync_and_die(store: Store, uri: str, gate: int) -> None:
    """Sync in this process; at the `gate`-th moment before or after a request or a note, kill -9 it."""
    from mlflow import MlflowClient

    passed = 0

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            step()
            result = work(*args, **kwargs)
            step()
            return result

        return wrapped

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == gate:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in CALLS:
        setattr(MlflowClient, name, dying(getattr(MlflowClient, name)))
    state.save = dying(state.save)
    sync(store, uri)


def killed_at(store: Store, uri: str, gate: int) -> bool:
    """Whether a syncing process reached that moment, and was killed there."""
    process = FORK.Process(target=sync_and_die, args=(store, uri, gate))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def run_count(uri: str) -> int:
    client = server.connect(uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return len(client.search_runs(ids))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path)


@pytest.mark.parametrize("gate", [4, 12, 20, 33, 41])
def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(store: Store, gate: int) -> None:
    job = Job(store).whole()
    assert killed_at(store, store.tracking_uri, gate)
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    assert run_count(store.tracking_uri) == 1


def test_a_sync_killed_again_and_again_arrives_at_the_journals_points(store: Store) -> None:
    job = Job(store).whole()
    kills = sum(killed_at(store, store.tracking_uri, gate) for gate in range(9, 60, 7))
    assert kills >= 5
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    assert run_count(store.tracking_uri) == 1


def test_a_picture_of_which_a_kill_left_half_is_completed_not_doubled(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    run_id = run_of(store, store.tracking_uri, job)
    (images,) = store.artifacts.glob(f"*/{run_id}/artifacts/images")
    (picture,) = images.glob("samples+step+8+*.png")
    whole = picture.read_bytes()
    picture.write_bytes(whole[:50])
    (images / f"{picture.stem}+compressed.webp").unlink()
    shutil.rmtree(state.folder_of(store, store.tracking_uri))
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    assert picture.read_bytes() == whole
    assert (images / f"{picture.stem}+compressed.webp").stat().st_size > 0


@pytest.mark.parametrize("call", ["create_logged_model", "log_model_artifacts", "log_outputs"])
def test_a_model_of_which_a_kill_left_half_is_completed_not_doubled(
    store: Store, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(_weights: Path, _config: Any, local: Path, *_: Any) -> None:
        local.mkdir()
        (local / "MLmodel").write_text("flavors: {}\n")

    def die_after(store: Store) -> None:
        from mlflow import MlflowClient

        work = getattr(MlflowClient, call)

        def dying(*args: Any, **kwargs: Any) -> None:
            work(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(MlflowClient, call, dying)
        sync(store, store.tracking_uri)

    monkeypatch.setattr(model, "_export", export)
    job = Job(store, log_model=True).whole()
    process = FORK.Process(target=die_after, args=(store,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert pending(store, store.tracking_uri).models == 1
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run = client.get_run(run_of(store, store.tracking_uri, job))
    (logged,) = client.search_logged_models([run.info.experiment_id])
    assert str(logged.status) == "READY"
    assert [output.model_id for output in run.outputs.model_outputs] == [logged.model_id]


def test_a_wiped_mirror_is_rebuilt_whole(store: Store) -> None:
    jobs = [Job(store, run).whole() for run in ("baseline", "sgd")]
    assert sync(store, store.tracking_uri).complete
    wipe_mirror(store)
    done = subprocess.run([sys.executable, "-c", SYNC, str(store.root)], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
    for job in jobs:
        check_mirrored(store, store.tracking_uri, job)


def test_a_mirror_wiped_under_a_living_process_is_rebuilt_whole(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    fresh = new_store(store.root.parent / "fresh")  # its schema, in place of a slow `prepare`
    wipe_mirror(store)
    shutil.copy(fresh.root / "mlflow.db", store.root / "mlflow.db")
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)


def test_a_run_deleted_in_mlflow_comes_back_with_the_next_sync(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    deleted = run_of(store, store.tracking_uri, job)
    server.connect(store.tracking_uri).delete_run(deleted)
    assert sync(store, store.tracking_uri).complete
    assert run_of(store, store.tracking_uri, job) != deleted
    check_mirrored(store, store.tracking_uri, job)


def test_lost_notes_cost_a_replay_and_double_nothing(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    shutil.rmtree(store.mirror)
    assert pending(store, store.tracking_uri).points == len(journal_rows(job.folder))
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    assert run_count(store.tracking_uri) == 1


def test_a_second_tracking_uri_gets_everything_too(store: Store, tmp_path: Path) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    elsewhere = new_store(tmp_path / "elsewhere").tracking_uri
    assert pending(store, elsewhere).points == len(journal_rows(job.folder))
    assert sync(store, elsewhere).complete
    check_mirrored(store, elsewhere, job)
    assert run_of(store, elsewhere, job) != run_of(store, store.tracking_uri, job)
    experiment = server.connect(elsewhere).get_experiment_by_name("report")
    assert experiment is not None
    assert experiment.artifact_location.startswith((tmp_path / "elsewhere").as_uri())


def resume_inexactly(job: Job) -> None:
    """Steps 21 to 30 are taken back and done again, at another level."""
    job.journal.append("branch", step=21, reason="another stack")
    job.session(from_step=20)
    job.steps(21, 30, level=2.0)
    job.outcome()


@pytest.mark.parametrize("live", [True, False], ids=["as it happens", "rebuilt afterwards"])
def test_an_inexact_resume_becomes_a_new_run_and_ends_the_old_one(store: Store, live: bool) -> None:
    job = Job(store).whole("interrupted", generator=False)
    before = journal_rows(job.folder)
    if live:
        assert sync(store, store.tracking_uri).complete
    resume_inexactly(job)
    assert pending(store, store.tracking_uri)
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    client = server.connect(store.tracking_uri)
    now = client.get_run(run_of(store, store.tracking_uri, job))
    old = client.get_run(now.data.tags["supersedes"])
    assert mirror_rows(store.tracking_uri, old.info.run_id) == before
    assert (old.info.status, old.data.tags["superseded_by"]) == ("KILLED", now.info.run_id)
    assert (now.info.status, now.data.tags["exit"]) == ("FINISHED", "finished")
    assert "another stack" in now.data.tags["branch"]
    assert run_count(store.tracking_uri) == 2


@pytest.mark.parametrize("gate", [8, 11, 14])
def test_a_kill_while_runs_are_switched_leaves_two_runs_both_whole(store: Store, gate: int) -> None:
    job = Job(store).whole("interrupted", generator=False)
    assert sync(store, store.tracking_uri).complete
    before = journal_rows(job.folder)
    resume_inexactly(job)
    assert killed_at(store, store.tracking_uri, gate)
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, store.tracking_uri, job)
    client = server.connect(store.tracking_uri)
    now = client.get_run(run_of(store, store.tracking_uri, job))
    assert mirror_rows(store.tracking_uri, now.data.tags["supersedes"]) == before
    assert run_count(store.tracking_uri) == 2


@pytest.mark.parametrize("line", [0, 1, 2, 3, -1], ids=["job", "named", "session", "metrics", "outcome"])
def test_a_damaged_line_stops_nothing_of_the_rest(store: Store, line: int) -> None:
    job = Job(store).whole()
    intact = Job(store, "sgd").whole()
    path = job.folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"', b"'", 1)
    path.write_bytes(b"".join(lines))
    for _ in range(2):
        assert sync(store, store.tracking_uri).complete
    for one in (job, intact):
        check_mirrored(store, store.tracking_uri, one)
    assert run_count(store.tracking_uri) == 2


def test_a_torn_last_line_is_left_until_it_is_whole(store: Store) -> None:
    job = Job(store).whole()
    path = job.folder / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run_id = run_of(store, store.tracking_uri, job)
    assert client.get_run(run_id).info.status == "KILLED"
    path.write_bytes(whole)
    assert sync(store, store.tracking_uri).complete
    assert client.get_run(run_id).info.status == "FINISHED"
    check_mirrored(store, store.tracking_uri, job)


def test_what_is_left_is_counted_without_the_server(store: Store) -> None:
    job = Job(store, log_model=True)
    job.session()
    job.steps(1, 10)
    uri = "http://127.0.0.1:9"
    left = pending(store, uri)
    assert (left.points, left.images, left.models) == (6 * 10 + 4, 4, 0)
    assert str(left) == "64 points and 4 images of 1 job"
    job.outcome()
    assert str(pending(store, uri)) == "64 points, 4 images and 1 model of 1 job"


def test_grids_of_a_step_below_a_branch_are_in_the_new_run_once(store: Store) -> None:
    job = Job(store).whole("interrupted", generator=False)
    resume_inexactly(job)
    assert sync(store, store.tracking_uri).complete
    assert image_steps(store.tracking_uri, run_of(store, store.tracking_uri, job)) == [
        1,
        2,
        4,
        8,
        12,
        16,
        23,
        30,
    ]
