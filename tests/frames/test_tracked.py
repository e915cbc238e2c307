"""Frames from an MLflow tracking URI alone: ours as the journals have them, anybody's as far as MLflow knows."""

import math
from pathlib import Path

import pandas as pd
import pytest

from ablations.store import Store, job_lock
from ablations.tracking import sync
from ablations.tracking.server import connect, settings
from analysis.frames.jobs import Selected, load
from analysis.frames.tracked import load_tracked
from fakeface.errors import UserError
from tests.tracking_jobs import EXPERIMENT, IMAGE_STEPS, Job, new_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two jobs that have ended, one that runs, one that runs again, and a stranger's run."""
    store = new_store(tmp_path_factory.mktemp("tracked"))
    Job(store, "baseline", 0, identity="0 first").whole()
    Job(store, "baseline", 1, identity="1 second").whole("crashed", traceback="boom")
    again = Job(store, "both", 0, identity="3 fourth")
    again.session()
    again.steps(1, 5)
    again.outcome("interrupted")
    sync(store, store.tracking_uri)
    again.session(from_step=5)
    again.steps(6, 8)
    running = Job(store, "sgd", 7, identity="2 third")
    running.session()
    running.steps(1, 5)
    with job_lock(running.folder), job_lock(again.folder):
        sync(store, store.tracking_uri)
    with settings():
        client = connect(store.tracking_uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        run = client.create_run(experiment.experiment_id, run_name="theirs")
        for step, value in ((2, 0.5), (1, math.nan)):
            client.log_metric(run.info.run_id, "g loss", value, step=step)
        client.set_terminated(run.info.run_id, "FINISHED")
    return store


def test_frames_from_mlflow_are_those_from_the_journals(store: Store, tmp_path: Path):
    tracked = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path)
    folders = sorted(store.jobs.glob("baseline-s*"))
    local = load([Selected("baseline", seed, folder) for seed, folder in enumerate(folders)])
    for name in ("metrics", "evaluations", "diagnoses", "jobs", "sessions", "notes"):
        mine, theirs = (_plain(getattr(frames, name)) for frames in (local, tracked))
        theirs = theirs[theirs["run"] == "baseline"].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, theirs, check_dtype=False, obj=name)
    assert list(tracked.outcomes[tracked.outcomes["run"] == "baseline"]["exit"]) == ["finished", "crashed"]


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Without categories, which know of the other runs."""
    return rows.astype({name: str for name in ("run", "metric") if name in rows})


def test_the_grids_come_along(store: Store, tmp_path: Path):
    images = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path).images
    assert set(images["step"]) == set(IMAGE_STEPS)
    assert set(images["run"]) == {"baseline"}
    assert all(path.is_file() for path in images["path"])


def test_a_job_that_has_not_ended_has_its_metrics_under_our_names(store: Store, tmp_path: Path):
    tracked = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path)
    assert list(tracked.curve("sgd", 7, "D(x)").index) == [1, 2, 3, 4, 5]
    assert list(tracked.jobs_of("sgd")["exit"]) == ["running"]


def test_a_job_that_goes_on_after_an_interruption_is_not_read_from_its_old_journal(
    store: Store, tmp_path: Path
):
    tracked = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path)
    assert tracked.curve("both", 0, "Loss_D").index[-1] == 8
    assert list(tracked.jobs_of("both")["exit"]) == ["running"]


def test_a_run_that_is_not_ours_has_its_metrics_by_step(store: Store, tmp_path: Path):
    tracked = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path)
    curve = tracked.curve("theirs", 0, "g loss")
    assert list(curve.index) == [1, 2]
    assert math.isnan(curve[1])
    assert curve[2] == 0.5
    assert list(tracked.jobs_of("theirs")["exit"]) == ["finished"]


def test_an_experiment_that_is_not_there_is_named_with_those_that_are(store: Store, tmp_path: Path):
    with pytest.raises(UserError, match=rf"no experiment 'other'.*'{EXPERIMENT}'"):
        load_tracked(store.tracking_uri, "other", tmp_path)


def test_of_a_training_done_twice_the_newest_counts_and_of_two_profiles_one_must_be_named(tmp_path: Path):
    store = new_store(tmp_path / "store")
    Job(store, "baseline", 0, identity="0 old").whole(level=1.0)
    Job(store, "baseline", 0, identity="1 new").whole(level=2.0)
    sync(store, store.tracking_uri)
    once = load_tracked(store.tracking_uri, EXPERIMENT, tmp_path / "once")
    assert len(once.outcomes) == 1
    assert once.curve("baseline", 0, "Loss_D")[1] == pytest.approx(2 * math.exp(-0.1))
    Job(store, "baseline", 0, identity="2 large", profile="paper").whole()
    sync(store, store.tracking_uri)
    with pytest.raises(UserError, match="profiles 'quick' and 'paper'"):
        load_tracked(store.tracking_uri, EXPERIMENT, tmp_path / "twice")
    assert (
        len(load_tracked(store.tracking_uri, EXPERIMENT, tmp_path / "paper", profile="paper").outcomes) == 1
    )


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(UserError, match="no such database"):
        load_tracked(f"sqlite:///{tmp_path / 'other.db'}", EXPERIMENT, tmp_path)
    assert not (tmp_path / "other.db").exists()
