"""Frames of a whole store, and of an MLflow experiment: our jobs as journaled, others as far as MLflow knows them."""

import math
from pathlib import Path

import pandas as pd
import pytest

import analysis
from ablations.store import Store, job_lock
from ablations.tracking import sync
from ablations.tracking.server import connect, settings
from analysis.frames.jobs import Frames, Selected, load
from fakeface.errors import UserError
from tests.tracking_jobs import EXPERIMENT, IMAGE_STEPS, Job, new_store


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


@pytest.fixture(scope="module")
def tracked(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    cache = tmp_path_factory.mktemp("cache")
    return analysis.load(store.tracking_uri, experiment=EXPERIMENT, cache=cache)


@pytest.mark.slow
def test_frames_from_mlflow_are_those_from_the_journals(store: Store, tracked: Frames):
    folders = sorted(store.jobs.glob("baseline-s*"))
    local = load([Selected("baseline", seed, folder) for seed, folder in enumerate(folders)])
    for name in ("metrics", "evaluations", "curve_scores", "jobs", "sessions", "notes"):
        mine, theirs = (_plain(getattr(frames, name)) for frames in (local, tracked))
        theirs = theirs[theirs["run"] == "baseline"].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, theirs, check_dtype=False, obj=name)
    assert list(tracked.outcomes[tracked.outcomes["run"] == "baseline"]["exit"]) == ["finished", "crashed"]


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Without categories, which know of the other runs."""
    return rows.astype({name: str for name in ("run", "metric") if name in rows})


@pytest.mark.slow
def test_the_grids_come_along(tracked: Frames):
    images = tracked.images
    assert set(images["step"]) == set(IMAGE_STEPS)
    assert set(images["run"]) == {"baseline"}
    assert all(path.is_file() for path in images["path"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "seed", "metric", "steps", "exit_"),
    [
        pytest.param("sgd", 7, "D(x)", 5, "running", id="a job that has not ended, under our names"),
        pytest.param("both", 0, "Loss_D", 8, "running", id="one that resumed: not from its old journal"),
        pytest.param("theirs", 0, "g loss", 2, "finished", id="a run that is not ours"),
    ],
)
def test_what_mlflow_has_no_journal_of_has_its_metrics_by_step(
    tracked: Frames, run: str, seed: int, metric: str, steps: int, exit_: str
):
    assert list(tracked.curve(run, seed, metric).index) == list(range(1, steps + 1))
    assert [job["exit"] for job in tracked.jobs_of(run)] == [exit_]
    assert tracked.curve("theirs", 0, "g loss").fillna(-1).tolist() == [-1, 0.5]


@pytest.mark.slow
def test_an_experiment_that_is_not_there_is_named_with_those_that_are(store: Store, tmp_path: Path):
    with pytest.raises(UserError, match=rf"no experiment 'other'.*'{EXPERIMENT}'"):
        analysis.load(store.tracking_uri, experiment="other", cache=tmp_path)


@pytest.mark.slow
def test_of_a_training_done_twice_the_newest_counts_and_of_two_profiles_one_must_be_named(tmp_path: Path):
    store = new_store(tmp_path / "store")
    Job(store, "baseline", 0, identity="0 old").whole(level=1.0)
    Job(store, "baseline", 0, identity="1 new").whole(level=2.0)
    sync(store, store.tracking_uri)
    once = analysis.load(store.tracking_uri, experiment=EXPERIMENT, cache=tmp_path / "once")
    assert len(once.outcomes) == 1
    assert once.curve("baseline", 0, "Loss_D")[1] == pytest.approx(2 * math.exp(-0.1))
    Job(store, "baseline", 0, identity="2 large", profile="paper").whole()
    sync(store, store.tracking_uri)
    with pytest.raises(UserError, match="profiles 'quick' and 'paper'"):
        analysis.load(store.tracking_uri, experiment=EXPERIMENT, cache=tmp_path / "twice")
    paper = analysis.load(
        store.tracking_uri, experiment=EXPERIMENT, cache=tmp_path / "paper", profile="paper"
    )
    assert len(paper.outcomes) == 1


@pytest.mark.slow
def test_a_database_that_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(UserError, match="no such database"):
        analysis.load(f"sqlite:///{tmp_path / 'other.db'}", experiment=EXPERIMENT)
    assert not (tmp_path / "other.db").exists()


def test_a_store_gives_every_job_under_its_last_name_and_the_newest_training_of_each(tmp_path: Path):
    store = new_store(tmp_path / "store")
    Job(store, "baseline", 0, identity="old").whole(level=1.0)
    sgd = Job(store, "sgd", 1).whole("crashed", traceback="boom")
    Job(store, "baseline", 0, identity="a new").whole(level=2.0)
    sgd.name(run="plain-sgd")
    frames = analysis.load(store.root)
    assert frames.runs == ("baseline", "plain-sgd")
    assert frames.outcomes[["seed", "exit"]].to_numpy().tolist() == [[0, "finished"], [1, "crashed"]]
    assert frames.curve("baseline", 0, "Loss_D")[1] == pytest.approx(2 * math.exp(-0.1))
    pd.testing.assert_frame_equal(
        frames.metrics, analysis.load(str(store.root), experiment=EXPERIMENT).metrics
    )


def test_of_several_profiles_or_experiments_in_a_store_one_is_chosen(tmp_path: Path):
    store = new_store(tmp_path / "store")
    Job(store, "baseline", 0, identity="0 small").whole(level=1.0)
    Job(store, "baseline", 0, identity="1 large", profile="paper").whole(level=3.0)
    with pytest.raises(UserError, match=r"profiles 'quick' and 'paper'; choose one with profile="):
        analysis.load(store.root)
    assert analysis.load(store.root, profile="quick").curve("baseline", 0, "Loss_D")[1] == pytest.approx(
        math.exp(-0.1)
    )
    with pytest.raises(UserError, match=r"no job of the profile 'huge' \(there are: 'paper', 'quick'\)"):
        analysis.load(store.root, profile="huge")
    with pytest.raises(UserError, match=rf"no experiment 'other' \(there are: {EXPERIMENT}\)"):
        analysis.load(store.root, experiment="other")


def test_what_is_no_store_or_has_no_job_or_names_no_experiment_says_what_to_do(tmp_path: Path):
    with pytest.raises(UserError, match=r"not a store.*--store"):
        analysis.load(tmp_path)
    (tmp_path / "jobs").mkdir()
    with pytest.raises(UserError, match="no job has begun; `ablate run`"):
        analysis.load(tmp_path)
    with pytest.raises(UserError, match="name the experiment"):
        analysis.load("sqlite:///mlflow.db")
