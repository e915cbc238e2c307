"""The trained generator in MLflow: once, without pickle, and generating when loaded back."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ablations.store import Store
from ablations.tracking import register_best, server, sync
from ablations.tracking.model import load_generator
from fakeface.errors import UserError
from fakeface.gan.networks.dcgan import Generator
from tests.mlflow_server import DIRECT, answers, wait_until
from tests.ports import free_port
from tests.tracking_jobs import CONFIG as RUN_CONFIG
from tests.tracking_jobs import STEPS, Job, check_mirrored, new_store, run_of

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

CONFIG = RUN_CONFIG.training().model_dump(mode="json")

LOAD_BACK = """
import sys, numpy as np, torch, mlflow
mlflow.set_tracking_uri(sys.argv[1])
module = mlflow.pytorch.load_model("models:/" + sys.argv[2])
with torch.inference_mode():
    np.save(sys.argv[4], module(torch.from_numpy(np.load(sys.argv[3]))).numpy())
"""


@dataclass
class Logged:
    """A job whose generator is in MLflow, and what it generates of noise."""

    store: Store
    model: "LoggedModel"
    z: np.ndarray
    images: np.ndarray


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """Synced twice."""
    import torch

    store = new_store(tmp_path_factory.mktemp("store"))
    job = Job(store, log_model=True).whole()
    for _ in range(2):
        assert sync(store, store.tracking_uri).complete
    run = run_of(store, job)
    (model,) = server.connect(store.tracking_uri).search_logged_models([run.info.experiment_id])
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    z = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    with torch.inference_mode():
        images = load_generator(job.folder / "generator-000030.pt", CONFIG)(torch.from_numpy(z)).numpy()
    assert images.std() > 1e-3
    return Logged(store, model, z, images)


def test_the_generator_went_in_once_and_generates_when_loaded_back_elsewhere(
    logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, uri = logged.model, logged.store.tracking_uri
    assert (model.name, str(model.status)) == ("generator-baseline-s0", "READY")
    noise, images = tmp_path / "z.npy", tmp_path / "images.npy"
    np.save(noise, logged.z)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    command = [sys.executable, "-c", LOAD_BACK, uri, model.model_id, str(noise), str(images)]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(images), logged.images, atol=1e-5)


@pytest.mark.service
@pytest.mark.slow
def test_the_served_generator_answers_a_request(logged: Logged, tmp_path: Path) -> None:
    port = free_port()
    model = f"models:/{logged.model.model_id}"
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    env = os.environ | {
        "MLFLOW_TRACKING_URI": logged.store.tracking_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # MLflow calls uvicorn by its name
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{port}/ping"))
        assert process.poll() is None, (tmp_path / "log").read_text()
        body = json.dumps({"inputs": logged.z.tolist()}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with DIRECT.open(request, timeout=60) as answer:
            images = np.array(json.load(answer)["predictions"])
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    np.testing.assert_allclose(images, logged.images, atol=1e-5)


def test_the_generator_with_the_lowest_distance_is_registered_as_the_best_once(logged: Logged) -> None:
    store, uri = logged.store, logged.store.tracking_uri
    for _ in range(2):
        best = register_best(store, uri, "faces")
        assert (best.uri, best.version, best.run) == ("models:/faces@best", "1", "baseline-s0")
    better = Job(store, seed=1, log_model=True)
    better.session()
    better.evaluate(STEPS, distance=1.0)
    better.outcome()
    assert sync(store, uri).complete
    best = register_best(store, uri, "faces")
    assert (best.version, best.run, best.distance) == ("2", "baseline-s1", 1.0)
    version = server.connect(uri).get_model_version_by_alias("faces", "best")
    assert (str(version.version), version.run_id) == ("2", run_of(store, better).info.run_id)


def test_without_a_generator_nothing_is_registered(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with pytest.raises(UserError, match="nothing to register"):
        register_best(store, store.tracking_uri, "faces")


def test_the_loaded_generator_is_the_trained_one(tmp_path: Path) -> None:
    import torch

    from fakeface.gan.sampling import generate, to_uint8

    job = Job(Store(tmp_path))
    job.outcome()
    torch.manual_seed(job.planned.seed)
    trained = Generator(image_size=32, latent_dim=8, width=4, channels=1)
    z = torch.randn(3, 8)
    with torch.inference_mode():
        again = to_uint8(load_generator(job.folder / "generator-000030.pt", CONFIG)(z))
    assert np.array_equal(generate(trained, z), again)


def test_a_generator_that_cannot_be_exported_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store, log_model=True).whole()
    (job.folder / "generator-000030.pt").write_bytes(b"damaged")
    report = sync(store, store.tracking_uri)
    assert report.complete
    assert "damaged" in report.problems[job.folder.name][0]
    assert not sync(store, store.tracking_uri).problems
    check_mirrored(store, job)
    tags = run_of(store, job).data.tags
    assert "damaged" in tags["model_error"]


def test_log_model_off_logs_no_model(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    job = Job(store, log_model=False).whole()
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run = run_of(store, job)
    assert client.search_logged_models([run.info.experiment_id]) == []
