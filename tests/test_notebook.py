"""The notebook in the documentation reads a store and draws its figures."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.commands import run_command

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
SPEC = """\
name: fakeface
defaults:
  data: {name: synthetic, count: 96, image_size: 32}
  network: {width: 4}
  train: {steps: 20, batch_size: 8}
  evaluation: {num_samples: 32, num_reference: 64}
  samples: {num_grids: 8, grid_size: 2}
runs: {baseline: {}, sgd: {extends: baseline, optimizer: sgd}}
"""


@pytest.mark.slow
def test_every_cell_runs_and_every_figure_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "runs.yaml").write_text(SPEC)
    run_command(tmp_path, "run", "--no-mirror", "--threads", "1")
    (tmp_path / "docs").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "docs")
    notebook = nbformat.read(tmp_path / "docs" / NOTEBOOK.name, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path / "docs")}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell.get("outputs") for cell in notebook.cells if cell.get("outputs")] == []
