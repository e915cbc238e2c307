"""Sample grids on the page: as they are where they are small, else reduced until the page keeps its size."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from analysis.frames.jobs import load
from analysis.report import grids
from tests.analysis_journals import train


def noisy(folder: Path, side: int) -> pd.DataFrame:
    selection = train(folder / "adam-0", [1.0] * 9, [4.0] * 9)
    for path in (selection.folder / "samples").iterdir():
        Image.effect_noise((side, side), 90).save(path)
    return load([selection]).images


def test_small_grids_are_embedded_as_they_are(tmp_path: Path):
    images = noisy(tmp_path, 64)
    embedded = grids.embed(images)
    assert embedded.reduced_to is None
    assert [g.uri for g in embedded.grids] == [
        grids.data_uri(path.read_bytes(), "png") for path in images["path"]
    ]


def test_many_large_grids_are_reduced_until_they_keep_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grids, "AS_THEY_ARE", 10_000)
    monkeypatch.setattr(grids, "BUDGET", 60_000)
    embedded = grids.embed(noisy(tmp_path, 512))
    assert embedded.reduced_to is not None and 128 <= embedded.reduced_to < 512
    assert len(embedded.grids) == 2
    assert sum(len(grid.uri) for grid in embedded.grids) < 60_000 * 1.4
    assert all(grid.uri.startswith("data:image/webp;base64,") for grid in embedded.grids)
