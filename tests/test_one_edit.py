"""One edit a variant: a user's own file registers one component of each kind, and every page knows it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.executors import EXECUTORS
from ablations.store import journal
from analysis.claims import KINDS
from fakeface.data import DATASETS
from fakeface.evaluation.extractors import EXTRACTORS
from fakeface.evaluation.measures import MEASURES
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.losses import LOSSES
from fakeface.gan.networks import NETWORKS
from fakeface.gan.optimizers import OPTIMIZERS
from tests.commands import run_command

REGISTRIES = (DATASETS, EXECUTORS, EXTRACTORS, INITIALIZERS, KINDS, LOSSES, MEASURES, NETWORKS, OPTIMIZERS)
SPEC = """\
defaults:
  data: {name: my-stripes, count: 96, image_size: 32}
  network: {name: my-linear, latent_dim: 8}
  optimizer: {name: my-adagrad, lr: 0.01}
  init: my-orthogonal
  loss: my-least-squares
  train: {steps: 12, batch_size: 8}
  evaluation: {extractor: my-pixels, num_samples: 96, num_reference: 96, num_evaluations: 1}
  samples: {num_grids: 8, grid_size: 2}
seeds: [0, 1]
runs:
  baseline: {}
  faster: {extends: baseline, optimizer: {lr: 0.05}}
claims:
  mine: {says: Faster is ahead., my-beats: {run: faster, against: baseline, metric: quality}}
  brighter:
    says: Faster is brighter.
    compare: {run: faster, against: baseline, metric: my_brightness, direction: higher, by: 1%}
"""


@pytest.fixture
def user_variants() -> Iterator[None]:
    before = [dict(registry._components) for registry in REGISTRIES]
    sys.modules.pop("tests.user_variants", None)
    import tests.user_variants  # noqa: F401

    yield
    for registry, components in zip(REGISTRIES, before, strict=True):
        registry._components = components


@pytest.mark.usefixtures("user_variants")
def test_each_registered_component_reaches_plan_run_table_mlflow_report_and_claims(tmp_path: Path) -> None:
    (tmp_path / "runs.yaml").write_text(SPEC)

    def ablate(*arguments: str) -> str:
        return run_command(tmp_path, *arguments).stdout

    planned = json.loads(ablate("plan", "--json"))
    assert {row["state"] for row in planned} == {"data-missing"}
    ablate("run", "--executor", "my-executor", "--no-mirror", "--threads", "1")
    rows = json.loads(ablate("status", "--json"))
    assert [(row["run"], row["seed"], row["exit"]) for row in rows] == [
        ("baseline", 0, "finished"), ("baseline", 1, "finished"), ("faster", 0, "finished"), ("faster", 1, "finished")
    ]  # fmt: skip
    assert {"Loss_D", "fd_my_pixels", "precision_my_pixels", "my_brightness"} <= set(rows[0]["metrics"])
    record = journal.read(Path(rows[0]["folder"]) / "journal.jsonl").records[0]
    named = {value for value in record["resolved"].values() if str(value).startswith("my-")}
    assert named == {"my-linear", "my-adagrad", "my-orthogonal", "my-least-squares"}
    file = "tests/user_variants.py"
    components = ("my_adagrad", "my_orthogonal", "my_linear", "Pictures", "LeastSquares")
    assert {f"{file}:{name}" for name in components} <= set(record["code"])

    ablate("sync")
    mlflow_run = json.loads(ablate("status", "--json"))[0]["mlflow_run_id"]
    from mlflow import MlflowClient

    run = MlflowClient(f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}").get_run(mlflow_run)
    assert run.data.params["loss.name"] == "my-least-squares"
    assert run.data.metrics["my_brightness"] == rows[0]["metrics"]["my_brightness"]

    report = json.loads(ablate("report", "--json"))
    verdicts = {claim["id"]: claim["verdict"] for claim in report["claims"]}
    assert set(verdicts) == {"mine", "brighter"}
    assert set(verdicts.values()) <= {"supported", "refuted", "undecided"}
    page = (tmp_path / "results" / "report" / "report.html").read_text()
    assert "brightness" in page
    assert "faster is ahead of baseline" in page
