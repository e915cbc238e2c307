"""A journal that `--rerun` replaced: the new one gets a run of its own. And the note of what was shipped."""

import errno
import os
from pathlib import Path

import pytest

from ablations.store import Store
from ablations.tracking import run_ids, server, shipped, sync
from ablations.tracking.loop import pending
from tests.tracking_jobs import Job, check_mirrored, journal_rows, mirror_rows, new_store, run_id_of
from tests.tracking_kills import run_count


def short_job(store: Store) -> Job:
    """Ten steps: a journal that its replacement outgrows."""
    job = Job(store)
    job.session()
    job.steps(1, 10)
    job.outcome()
    return job


def replaced(store: Store, old: Job) -> None:
    """Moved away, as `--rerun` does."""
    old.folder = old.folder.rename(store.root / "aside")


@pytest.mark.parametrize("damaged", [False, True], ids=["intact", "its first line damaged"])
def test_a_replaced_journal_gets_a_run_of_its_own_also_if_longer(tmp_path: Path, damaged: bool) -> None:
    store = new_store(tmp_path)
    uri = store.tracking_uri
    old = short_job(store)
    if damaged:
        path = old.folder / "journal.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"', b"'", 1))
    assert sync(store, uri).complete
    run_before = run_id_of(store, old, uri)
    replaced(store, old)
    assert run_ids(store, uri) == {}
    new = Job(store).whole(level=2.0)
    assert (new.folder / "journal.jsonl").stat().st_size > (old.folder / "journal.jsonl").stat().st_size
    assert run_ids(store, uri) == {}
    assert pending(store, uri).points == len(journal_rows(new.folder))
    assert sync(store, uri).complete
    check_mirrored(store, new, uri)
    assert mirror_rows(uri, run_before) == journal_rows(old.folder)
    tags = server.connect(uri).get_run(run_before).data.tags
    assert (tags["exit"], tags["superseded_by"]) == ("superseded", run_id_of(store, new, uri))
    assert run_count(uri) == 2


def test_a_folder_whose_new_journal_is_not_begun_has_no_run_and_nothing_left(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    old = short_job(store)
    assert sync(store, store.tracking_uri).complete
    folder = old.folder
    replaced(store, old)
    folder.mkdir()
    assert run_ids(store, store.tracking_uri) == {}
    assert not pending(store, store.tracking_uri)
    assert sync(store, store.tracking_uri).complete
    status = server.connect(store.tracking_uri).search_runs(["1"])[0].info.status
    assert status == "FINISHED"


def test_a_note_that_does_not_reach_the_disk_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)
    job = short_job(store)
    assert sync(store, store.tracking_uri).complete
    before = shipped.load(store, store.tracking_uri, job.folder.name)
    folder = store.mirror_of(store.tracking_uri)
    files = {path.name for path in folder.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        shipped.save(store, store.tracking_uri, job.folder.name, shipped.Shipped())
    assert shipped.load(store, store.tracking_uri, job.folder.name) == before
    assert {path.name for path in folder.iterdir()} == files
