"""A store under any path, moved, or copied and trained on in both: each writes into its own folder only."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from ablations.store import Store
from ablations.tracking import read_runs, run_ids, server, sync
from ablations.tracking.loop import pending
from tests.tracking_jobs import (
    EXPERIMENT,
    IMAGE_STEPS,
    Job,
    check_mirrored,
    image_steps,
    new_store,
    run_id_of,
)


def check_sound(store: Store, *jobs: Job, tmp: Path) -> None:
    """The mirror holds all of these jobs, with their files, and every location is in the store."""
    uri = store.tracking_uri
    assert sync(store, uri).complete
    assert run_ids(store, uri).keys() == {job.folder.name for job in jobs}
    for job in jobs:
        check_mirrored(store, job)
        local = server.connect(uri).download_artifacts(run_id_of(store, job), "journal.jsonl", str(tmp))
        assert Path(local).read_bytes() == job.journal.path.read_bytes()
    with sqlite3.connect(store.root / "mlflow.db") as connection:
        for table, column in server.LOCATIONS:
            for (location,) in connection.execute(f"select {column} from {table} where {column} != ''"):
                assert location.startswith(f"{store.artifacts.as_uri()}/"), (table, column, location)
    connection.close()


def files_of(store: Store) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}


def at(store: Store, job: Job) -> Job:
    """The job in a copy of its store."""
    again = Job.__new__(Job)
    again.planned, again.folder = job.planned, store.jobs / job.folder.name
    again.journal = type(job.journal)(again.folder / "journal.jsonl")
    return again


@pytest.mark.parametrize("name", ["a b", "a%20b", "w?x", "h#h", "p%q", "ü"])
def test_a_store_is_mirrored_under_any_path_and_nothing_appears_beside_it(tmp_path: Path, name: str) -> None:
    store = new_store(tmp_path / name / "results")
    check_sound(store, Job(store).whole(), tmp=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (read,) = read_runs(store.tracking_uri, EXPERIMENT, tmp_path / name / "cache")
    assert len(read.history.images) == len(IMAGE_STEPS)


def test_a_store_copied_twice_and_trained_on_in_each_is_three_sound_stores(tmp_path: Path) -> None:
    first = new_store(tmp_path / "first")
    old = Job(first).whole()
    assert sync(first, first.tracking_uri).complete
    moved = Store(first.root.rename(tmp_path / "moved #1"))
    copies = [moved] + [Store(shutil.copytree(moved.root, tmp_path / name)) for name in ("copy", "w?x")]
    for number, store in enumerate(copies):
        assert not pending(store, store.tracking_uri)
        others = [one for one in copies if one is not store]
        before = [files_of(one) for one in others]
        check_sound(store, at(store, old), Job(store, f"run-{number}").whole(), tmp=tmp_path)
        assert [files_of(one) for one in others] == before
    assert not first.root.exists()


def test_pictures_of_a_moved_store_are_found_without_a_sync(tmp_path: Path) -> None:
    store = new_store(tmp_path / "first")
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    moved = Store(store.root.rename(tmp_path / "moved"))
    (read,) = read_runs(moved.tracking_uri, EXPERIMENT, tmp_path / "cache")
    assert [record["step"] for record in read.history.images] == list(IMAGE_STEPS)
    assert image_steps(moved.tracking_uri, run_id_of(moved, job)) == list(IMAGE_STEPS)


def test_a_follower_does_not_bring_a_moved_store_back(tmp_path: Path) -> None:
    store = new_store(tmp_path / "first")
    Job(store).whole()
    store.root.rename(tmp_path / "moved")
    report = sync(store, store.tracking_uri)
    assert "no store here any more" in report.errors[store.tracking_uri]
    assert not store.root.exists()
