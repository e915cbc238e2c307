"""Kills, wiped mirrors, damaged journals, inexact resumes: same points, none twice."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ablations.store import Store
from ablations.tracking import model, server, sync
from ablations.tracking.loop import pending
from tests.tracking_jobs import (
    VALUES,
    Job,
    check_mirrored,
    journal_rows,
    new_store,
    run_id_of,
    run_of,
    wipe_mirror,
)
from tests.tracking_kills import FORK, killed_at, run_count

SYNC = """
import sys
from pathlib import Path
from ablations.store import Store
from ablations.tracking import sync
store = Store(Path(sys.argv[1]))
print(sync(store, store.tracking_uri).complete)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path)


@pytest.mark.parametrize("gate", [4, 12, 20, 33, 41])
def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(store: Store, gate: int) -> None:
    job = Job(store).whole()
    assert killed_at(store, store.tracking_uri, gate)
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)
    assert run_count(store.tracking_uri) == 1


def test_a_sync_killed_again_and_again_arrives_at_the_journals_points(store: Store) -> None:
    job = Job(store).whole()
    kills = sum(killed_at(store, store.tracking_uri, gate) for gate in range(9, 60, 7))
    assert kills >= 5
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)
    assert run_count(store.tracking_uri) == 1


def test_a_picture_of_which_a_kill_left_half_is_completed_not_doubled(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    run_id = run_id_of(store, job)
    (images,) = store.artifacts.glob(f"*/{run_id}/artifacts/images")
    (picture,) = images.glob("samples+step+8+*.png")
    whole = picture.read_bytes()
    picture.write_bytes(whole[:50])
    (images / f"{picture.stem}+compressed.webp").unlink()
    shutil.rmtree(store.mirror_of(store.tracking_uri))
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)
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
    run = run_of(store, job)
    (logged,) = client.search_logged_models([run.info.experiment_id])
    assert str(logged.status) == "READY"
    assert [output.model_id for output in run.outputs.model_outputs] == [logged.model_id]


def test_a_database_whose_creation_was_killed_is_created_again(store: Store) -> None:
    path = store.root / "mlflow.db"
    path.unlink()
    with contextlib.closing(
        sqlite3.connect(path)
    ) as connection:  # as MLflow leaves it between two migrations
        for table in ("runs", "experiments", "alembic_version", "_alembic_tmp_experiments"):
            connection.execute(f"create table {table} (x)")
        connection.execute("insert into alembic_version values ('451aebb31d03')")
        connection.commit()
    assert sync(store, store.tracking_uri).complete
    assert not list(store.root.glob("mlflow.db.*"))


def test_a_kill_while_a_database_is_created_leaves_none_under_its_name(store: Store) -> None:
    (store.root / "mlflow.db").unlink()
    command = [sys.executable, "-m", "ablations.tracking", "--prepare"]
    with subprocess.Popen(command, env=os.environ | {"MLFLOW_TRACKING_URI": store.tracking_uri}) as child:
        while not (store.root / "mlflow.db.new").exists():
            assert child.poll() is None
            time.sleep(0.005)
        child.kill()
    assert not (store.root / "mlflow.db").exists()
    assert sync(store, store.tracking_uri).complete


def test_another_programs_database_is_not_replaced(tmp_path: Path, store: Store) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        connection.execute("create table mine (x)")
        connection.commit()
    server.prepare(store, f"sqlite:///{tmp_path}/own.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        assert connection.execute("select count(*) from mine").fetchone() == (0,)


def test_a_wiped_mirror_is_rebuilt_whole(store: Store) -> None:
    jobs = [Job(store, run).whole() for run in ("baseline", "sgd")]
    assert sync(store, store.tracking_uri).complete
    wipe_mirror(store)
    done = subprocess.run([sys.executable, "-c", SYNC, str(store.root)], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
    for job in jobs:
        check_mirrored(store, job)


def test_a_mirror_wiped_under_a_living_process_is_rebuilt_whole(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    fresh = new_store(store.root.parent / "fresh")  # its schema, in place of a slow `prepare`
    wipe_mirror(store)
    shutil.copy(fresh.root / "mlflow.db", store.root / "mlflow.db")
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)


def test_a_run_deleted_in_mlflow_comes_back_with_the_next_sync(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    deleted = run_id_of(store, job)
    server.connect(store.tracking_uri).delete_run(deleted)
    assert sync(store, store.tracking_uri).complete
    assert run_id_of(store, job) != deleted
    check_mirrored(store, job)


def test_lost_notes_cost_a_replay_and_double_nothing(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    shutil.rmtree(store.mirror)
    assert pending(store, store.tracking_uri).points == len(journal_rows(job.folder))
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)
    assert run_count(store.tracking_uri) == 1


def test_a_second_tracking_uri_gets_everything_too(store: Store, tmp_path: Path) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    elsewhere = new_store(tmp_path / "elsewhere").tracking_uri
    assert pending(store, elsewhere).points == len(journal_rows(job.folder))
    assert sync(store, elsewhere).complete
    check_mirrored(store, job, elsewhere)
    assert run_id_of(store, job, elsewhere) != run_id_of(store, job)
    experiment = server.connect(elsewhere).get_experiment_by_name("report")
    assert experiment is not None
    assert experiment.artifact_location.startswith((tmp_path / "elsewhere").as_uri())


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
        check_mirrored(store, one)
    assert run_count(store.tracking_uri) == 2


def test_a_torn_last_line_is_left_until_it_is_whole(store: Store) -> None:
    job = Job(store).whole()
    path = job.folder / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run_id = run_id_of(store, job)
    assert client.get_run(run_id).info.status == "KILLED"
    path.write_bytes(whole)
    assert sync(store, store.tracking_uri).complete
    assert client.get_run(run_id).info.status == "FINISHED"
    check_mirrored(store, job)


def test_what_is_left_is_counted_without_the_server(store: Store) -> None:
    job = Job(store, log_model=True)
    job.session()
    job.steps(1, 10)
    uri = "http://127.0.0.1:9"
    left, points = pending(store, uri), 10 * len(VALUES) + 4
    assert (left.points, left.images, left.models) == (points, 4, 0)
    assert str(left) == f"{points} points and 4 images of 1 job"
    job.outcome()
    assert str(pending(store, uri)) == f"{points} points, 4 images and 1 model of 1 job"
