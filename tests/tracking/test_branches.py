"""Inexact resumes: the run that is superseded ends, a new one holds what counts."""

from pathlib import Path

import pytest

from ablations.store import Store
from ablations.tracking import server, sync
from ablations.tracking.loop import pending
from tests.tracking_jobs import (
    IMAGE_STEPS,
    Job,
    check_mirrored,
    image_steps,
    journal_rows,
    mirror_rows,
    new_store,
    run_id_of,
    run_of,
)
from tests.tracking_kills import killed_at, run_count


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path)


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
    check_mirrored(store, job)
    client = server.connect(store.tracking_uri)
    now = run_of(store, job)
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
    check_mirrored(store, job)
    now = run_of(store, job)
    assert mirror_rows(store.tracking_uri, now.data.tags["supersedes"]) == before
    assert run_count(store.tracking_uri) == 2


def test_grids_of_a_step_below_a_branch_are_in_the_new_run_once(store: Store) -> None:
    job = Job(store).whole("interrupted", generator=False)
    resume_inexactly(job)
    assert sync(store, store.tracking_uri).complete
    assert image_steps(store.tracking_uri, run_id_of(store, job)) == list(IMAGE_STEPS)
