"""What MLflow holds of a job, read back with MLflow's own client."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ablations.store import Store, job_lock
from ablations.tracking import server, sync
from ablations.tracking.content import Facts, allowed_name, flatten, params
from ablations.tracking.loop import pending
from ablations.tracking.shipped import color_for
from fakeface.palette import RUN_COLORS
from tests.tracking_jobs import (
    EXPERIMENT,
    GIT,
    IMAGE_STEPS,
    IMAGES,
    STEPS,
    Job,
    check_mirrored,
    image_steps,
    mirror_rows,
    new_store,
    run_id_of,
    run_of,
)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Job]]:
    """One finished job, synced twice."""
    store = new_store(tmp_path_factory.mktemp("mirrored"))
    job = Job(store).whole()
    for _ in range(2):
        report = sync(store, store.tracking_uri)
        assert report.complete, report
        assert not report.problems
    yield store, job


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Loss_D", "Loss_D"),
        ("D(x)", "D_x"),
        ("D(G(z))_before", "D_G_z_before"),
        ("D(G(z))_after", "D_G_z_after"),
        ("system/cpu_utilization_percentage", "system/cpu_utilization_percentage"),
    ],
)
def test_allowed_names_stay_readable_in_mlflow(name: str, shown: str) -> None:
    assert allowed_name(name) == shown


def test_params_are_the_resolved_settings_with_dotted_names_and_unset_ones_left_out() -> None:
    nested = {"a": {"lr": 2e-4, "betas": [0.5, 0.999], "path": None}, "on": True, "text": "x" * 7_000}
    found = flatten(nested)
    assert found == {"a.lr": "0.0002", "a.betas": "[0.5, 0.999]", "on": "true", "text": "x" * 6_000}
    assert params(Facts(job={"seed": 3, "config": {"init": "dcgan"}})) == {"seed": "3", "init": "dcgan"}


def test_mlflow_holds_exactly_the_journals_points_and_images(mirrored: tuple[Store, Job]) -> None:
    store, job = mirrored
    check_mirrored(store, job)
    assert image_steps(store.tracking_uri, run_id_of(store, job)) == list(IMAGE_STEPS)
    assert not pending(store, store.tracking_uri)


def test_the_run_carries_name_tags_params_and_status_of_the_job(mirrored: tuple[Store, Job]) -> None:
    store, job = mirrored
    run = run_of(store, job)
    assert (run.info.run_name, run.info.status) == ("baseline-s0", "FINISHED")
    expected = {
        "run": "baseline",
        "seed": "0",
        "group": "report",
        "profile": "quick",
        "identity": job.planned.identity,
        "exit": "finished",
        "samples": "noise",
        "dynamics": "balanced",
        "device": "cpu",
        "threads": str(torch.get_num_threads()),
        "git_commit": "a" * 40,
        "git_dirty": "true",
        "journal": job.folder.name,
    }
    assert expected.items() <= run.data.tags.items()
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("How baseline fares.\n")
    assert "samples: noise** since step 1: flat" in note
    assert run.data.params["optimizer.lr"] == "0.0002"
    assert run.data.params["data.image_size"] == "32"
    assert run.data.params["seed"] == "0"


def test_files_of_the_experiment_lie_in_the_store_wherever_the_command_ran(
    mirrored: tuple[Store, Job],
) -> None:
    store, _ = mirrored
    experiment = server.connect(store.tracking_uri).get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert experiment.artifact_location == (store.artifacts / EXPERIMENT).as_uri()


def test_the_run_holds_settings_diff_loss_curve_and_final_grid(
    mirrored: tuple[Store, Job], tmp_path: Path
) -> None:
    store, job = mirrored
    client = server.connect(store.tracking_uri)
    local = Path(client.download_artifacts(run_id_of(store, job), "", str(tmp_path)))
    assert yaml.safe_load((local / "config.yaml").read_text()) == job.planned.config.model_dump(mode="json")
    assert (local / "git.diff").read_text() == GIT["diff"]
    final = job.folder / "samples" / f"{STEPS:06d}.png"
    assert (local / "final_grid.png").read_bytes() == final.read_bytes()
    with Image.open(local / "loss_curve.png") as curve:
        assert len(set(curve.convert("L").tobytes())) > 10  # two coloured lines on a grid
    assert not (local / "traceback.txt").exists()


def test_grids_come_back_pixel_for_pixel(mirrored: tuple[Store, Job], tmp_path: Path) -> None:
    store, job = mirrored
    client = server.connect(store.tracking_uri)
    run_id = run_id_of(store, job)
    local = Path(client.download_artifacts(run_id, "images", str(tmp_path)))
    (file,) = local.glob("samples+step+8+*.png")
    assert np.array_equal(
        np.asarray(Image.open(file)), np.asarray(Image.open(job.folder / "samples/000008.png"))
    )
    assert len(list(local.glob("*+compressed.webp"))) == len(IMAGE_STEPS)


def test_the_data_set_is_the_runs_training_input(mirrored: tuple[Store, Job]) -> None:
    store, job = mirrored
    run = run_of(store, job)
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("synthetic", "d" * 36)
    assert json.loads(used.dataset.profile) == {"num_rows": len(IMAGES.images)}
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]


@pytest.mark.parametrize(
    ("exit", "status"),
    [
        ("finished", "FINISHED"),
        ("diverged", "FINISHED"),
        ("pruned", "FINISHED"),
        ("interrupted", "KILLED"),
        ("crashed", "FAILED"),
    ],
)
def test_each_exit_sets_mlflows_status(tmp_path: Path, exit: str, status: str) -> None:
    store = new_store(tmp_path)
    job = Job(store).whole(exit, traceback="Traceback: boom" if exit == "crashed" else "")
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run = run_of(store, job)
    assert (run.info.status, run.data.tags["exit"]) == (status, exit)
    files = {info.path for info in client.list_artifacts(run.info.run_id)}
    assert ("traceback.txt" in files) == (exit == "crashed")


def test_a_job_is_running_while_its_lock_is_held_and_killed_once_it_died(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store)
    job.session()
    job.steps(1, 10)

    def shown() -> tuple[str, str]:
        assert sync(store, store.tracking_uri).complete
        run = run_of(store, job)
        return run.info.status, run.data.tags["exit"]

    with job_lock(job.folder):
        assert shown() == ("RUNNING", "running")
    assert pending(store, store.tracking_uri).jobs[job.folder.name].status
    assert shown() == ("KILLED", "interrupted")
    job.session(from_step=10)
    with job_lock(job.folder):
        assert shown() == ("RUNNING", "running")
    job.steps(11, 30)
    job.outcome()
    assert shown() == ("FINISHED", "finished")
    check_mirrored(store, job)


def test_a_job_named_again_by_another_plan_changes_name_and_tags_but_not_its_run(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    first = run_id_of(store, job)
    job.name(run="adam", group="grid", profile="standard", experiment="elsewhere")
    assert sync(store, store.tracking_uri).complete
    assert run_id_of(store, job) == first
    run = server.connect(store.tracking_uri).get_run(first)
    assert run.info.run_name == "adam-s0"
    assert (run.data.tags["group"], run.data.tags["profile"]) == ("grid", "standard")
    assert run.info.status == "FINISHED"


def test_a_training_is_found_under_each_name_that_a_plan_gave_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store)
    job.name(run="lr_1+2", group="grid", profile="standard")
    job.whole()
    Job(store, "sgd", group="grid").whole()
    assert sync(store, store.tracking_uri).complete
    job.name(run="adam", profile="")
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    found = run_id_of(store, job)
    experiment = client.get_run(found).info.experiment_id
    for part in (
        "|quick/report/",
        "|quick/report/baseline|",
        "|standard/grid/",
        "/lr_1+2|",
        "|/report/adam|",
    ):
        runs = client.search_runs([experiment], f"tags.names LIKE '%{part}%'")
        assert [run.info.run_id for run in runs] == [found], part
    assert client.get_run(found).data.tags["run"] == "adam"


def test_a_crash_in_a_resumed_session_ends_the_run_in_mlflow_too(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store).whole("crashed", traceback="boom")
    assert sync(store, store.tracking_uri).complete
    job.session(from_step=30)
    job.outcome("crashed", traceback="boom again")
    assert pending(store, store.tracking_uri)
    assert sync(store, store.tracking_uri).complete
    run = run_of(store, job)
    assert (run.info.status, run.data.tags["exit"]) == ("FAILED", "crashed")


def test_runs_have_the_reports_colours_in_the_order_in_which_their_experiment_began_them(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    for run in ("weight-init", "baseline"):
        Job(store, "tried", identity=run, experiment=f"study-{run}")
        for seed in (0, 1):
            Job(store, run, seed)
    colours = [color_for(store, run, EXPERIMENT) for run in ("weight-init", "baseline", "sgd")]
    assert colours == list(RUN_COLORS[:3])


def test_nan_and_infinities_are_reported_not_cleaned(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store)
    job.session()
    job.journal.append("metrics", steps=[1, 2, 3], values={"Loss_G": [math.nan, math.inf, -math.inf]})
    job.outcome("diverged")
    assert sync(store, store.tracking_uri).complete
    values = {step: value for _, step, _, value in mirror_rows(store.tracking_uri, run_id_of(store, job))}
    assert values[1] == "nan"
    assert values[2] > 1.79e308  # MLflow's largest number stands for infinity
    assert values[3] < -1.79e308


def test_a_missing_picture_is_told_and_the_rest_arrives(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store).whole()
    (job.folder / "samples" / "000008.png").unlink()
    (job.folder / "samples" / "000012.png").write_bytes(b"\x89PNG damaged")
    report = sync(store, store.tracking_uri)
    assert report.complete
    assert ["000008.png" in p or "000012.png" in p for p in report.problems[job.folder.name]] == [True, True]
    run_id = run_id_of(store, job)
    assert image_steps(store.tracking_uri, run_id) == [s for s in IMAGE_STEPS if s not in (8, 12)]
