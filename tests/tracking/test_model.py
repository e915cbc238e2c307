"""The trained generator in MLflow: once, without pickle, and generating when loaded back."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ablations.store import Store
from ablations.tracking import server, sync
from ablations.tracking.model import load_generator
from fakeface.gan.networks.dcgan import Generator
from tests.tracking_jobs import CONFIG as RUN_CONFIG
from tests.tracking_jobs import Job, check_mirrored, new_store, run_of

CONFIG = RUN_CONFIG.training().model_dump(mode="json")

LOAD_BACK = """
import sys, numpy as np, torch, mlflow
mlflow.set_tracking_uri(sys.argv[1])
module = mlflow.pytorch.load_model("models:/" + sys.argv[2])
with torch.inference_mode():
    np.save(sys.argv[4], module(torch.from_numpy(np.load(sys.argv[3]))).numpy())
"""


def test_the_generator_went_in_once_and_generates_when_loaded_back_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    store = new_store(tmp_path / "store")
    job = Job(store, log_model=True).whole()
    for _ in range(2):
        assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    run = run_of(store, job)
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    assert (model.name, str(model.status)) == ("generator", "READY")
    noise, images = tmp_path / "z.npy", tmp_path / "images.npy"
    z = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    np.save(noise, z)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    command = [sys.executable, "-c", LOAD_BACK, store.tracking_uri, model.model_id, str(noise), str(images)]
    subprocess.run(command, check=True, capture_output=True)
    with torch.inference_mode():
        expected = load_generator(job.folder / "generator-000030.pt", CONFIG)(torch.from_numpy(z)).numpy()
    assert expected.std() > 1e-3
    np.testing.assert_allclose(np.load(images), expected, atol=1e-5)


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
