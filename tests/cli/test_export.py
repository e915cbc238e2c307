"""An export: the report of a store, again, without its weights, its data and the code that trained it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ablations.store import Store
from tests.conftest import TINY_SPEC
from tests.processes import ablate

pytestmark = pytest.mark.slow

SCALED = """
import torch

from fakeface.gan.optimizers import OPTIMIZERS


@OPTIMIZERS.register("scaled")
def scaled(parameters, *, lr):
    return torch.optim.SGD(parameters, lr=lr * {factor})
"""
SPEC = f"""imports: [scaled.py]
{TINY_SPEC}
claims:
  loss:
    says: The loss is lower.
    compare: {{run: weight-init, against: baseline, metric: converged Loss_G, direction: lower, by: 1%}}
"""
SELECTED = ("--run", "baseline", "--run", "weight-init", "--seeds", "0,1", "--set", "optimizer.name=scaled")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with two seeds, their report, and their export."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "runs.yaml").write_text(SPEC)
    (folder / "scaled.py").write_text(SCALED.format(factor=1))
    ablate(folder, "run", *SELECTED, "--no-mirror")
    ablate(folder, "export", "small", "--set", "optimizer.name=scaled")
    return folder


@pytest.fixture
def changed_code(folder: Path) -> Iterator[None]:
    (folder / "scaled.py").write_text(SCALED.format(factor=2))
    yield
    (folder / "scaled.py").write_text(SCALED.format(factor=1))


def report(folder: Path, store: str) -> Any:
    done = ablate(folder, "report", *SELECTED, "--store", store, "--no-mirror", "--json")
    return json.loads(done.stdout.replace(str(folder / store), "STORE").replace(f"--store {store} ", ""))


def numbers(value: Any) -> Any:
    """A JSON value with its numbers to two digits: an export has four of a loss."""
    if isinstance(value, dict):
        return {key: numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [numbers(inner) for inner in value]
    return float(f"{value:.2g}") if isinstance(value, float) else value


def test_the_report_of_an_export_is_that_of_its_store_without_weights_and_data(folder: Path):
    small = folder / "small"
    assert not [*small.rglob("*.pt"), *small.rglob("*.npy")]
    of_store, of_export = report(folder, "results"), report(folder, "small")
    of_store["figures"].pop("samples-s1")  # of the first seed only, in an export
    same = of_store.keys() - {"built", "command", "page"}
    assert {k: numbers(of_export[k]) for k in same} == {k: numbers(of_store[k]) for k in same}
    assert of_export["claims"][0]["interval"] is not None


def test_an_export_knows_the_claims_that_its_trainings_began_with(folder: Path):
    assert report(folder, "small")["claims"][0]["change"] is None
    (folder / "runs.yaml").write_text(SPEC.replace("by: 1%", "by: 2%"))
    try:
        of_store, of_export = report(folder, "results"), report(folder, "small")
    finally:
        (folder / "runs.yaml").write_text(SPEC)
    assert of_export["claims"][0]["change"] == of_store["claims"][0]["change"] is not None


@pytest.mark.usefixtures("changed_code")
def test_an_export_holds_its_trainings_when_their_code_has_changed(folder: Path):
    states = {
        store: {
            row["state"]
            for row in json.loads(ablate(folder, "plan", *SELECTED, "--store", store, "--json").stdout)[
                "jobs"
            ]
        }
        for store in ("results", "small")
    }
    assert states == {"results": {"stale"}, "small": {"done"}}


def test_nothing_is_trained_into_an_export_and_none_is_written_over(folder: Path):
    refused = ablate(folder, "run", *SELECTED, "--seeds", "5", "--store", "small", "--no-mirror", check=2)
    assert "an export, which is only for reading" in refused.stderr
    assert "exists already" in ablate(folder, "export", "small", check=2).stderr


def test_an_export_that_was_edited_is_refused(folder: Path):
    edited = shutil.copytree(folder / "small", folder / "edited")
    record = json.loads((edited / "export.json").read_text())
    record["data"] = {}
    (edited / "export.json").write_text(json.dumps(record))
    refused = ablate(folder, "status", *SELECTED, "--store", "edited", check=2)
    assert "damaged or edited" in refused.stderr


def test_a_merged_export_is_a_store_like_any_other(folder: Path):
    ablate(folder, "merge", "small", "--store", "merged")
    of_export, of_merged = report(folder, "small"), report(folder, "merged")
    assert of_merged["claims"] == of_export["claims"]
    stores = [Store(folder / name) for name in ("results", "merged")]
    trained, merged = ([store.job_record(job) for job in store.job_folders()] for store in stores)
    assert merged == trained
    whole = ablate(folder, "merge", "results", "--store", "merged").stdout
    assert whole.count("replaced  ") == 4, "the same trainings with their weights"


def test_jobs_that_were_copied_out_of_an_export_say_how_to_bring_them(folder: Path):
    shutil.copytree(folder / "results/data", folder / "copied/data")
    shutil.copytree(folder / "small/jobs", folder / "copied/jobs")
    refused = ablate(folder, "report", *SELECTED, "--store", "copied", "--no-mirror", check=1)
    assert "use `ablate merge`" in refused.stderr
