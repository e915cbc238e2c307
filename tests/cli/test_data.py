"""`ablate data`, and what commands do when the data are broken or have changed."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def test_info_and_preview(ablate, tmp_path: Path):
    assert "not prepared yet; `ablate data prepare` does that" in ablate("data", "info", check=2).stderr
    ablate("data", "prepare")
    assert "synthetic  96 images, 32x32, 3 channel(s)" in ablate("data", "info").stdout
    (found,) = json.loads(ablate("data", "info", "--json").stdout)
    assert (found["name"], found["shape"], found["skipped"]) == ("synthetic", [96, 32, 32, 3], [])
    ablate("data", "preview", "sheet.png", "-n", "16", "--group", "report", "--seeds", "0")
    assert Image.open(tmp_path / "sheet.png").size == (4 * 34 - 2, 4 * 34 - 2)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """40 pictures, and one file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


def test_changed_data_stop_a_training_but_no_reader(ablate, tmp_path: Path, pictures: Path):
    seed = ["--set", "data.name=folder", "--set", f"data.path={pictures}", "--set", "train.steps=3"]
    job = ["--run", "baseline", *seed]
    out = ablate("run", "--no-mirror", *job).stdout
    assert "folder: skipped: 1 .jpg" in out
    assert "1 file(s) that may hold images not read, the first: broken.jpg: " in out
    before = json.loads(ablate("status", "--json", *job).stdout)[0]
    Image.new("RGB", (40, 40)).save(pictures / "new.png")
    (planned,) = json.loads(ablate("plan", "--json", *job).stdout)["jobs"]
    assert planned["state"] == "data-missing"
    assert "its files have changed (1 files added" in planned["detail"]
    assert "`ablate data prepare`" in planned["detail"]
    (row,) = json.loads(ablate("status", "--json", *job).stdout)
    assert (row["exit"], row["weights_sha256"]) == ("finished", before["weights_sha256"])
    assert "finished" in ablate("status", *job).stdout
    ablate("report", *job)
    ablate("generate", "baseline", "grid.png", *seed)
    assert "uses it any more" not in ablate("clean", "--stale", *seed).stdout
    assert "not what was prepared: 1 images are new" in ablate("run", "--no-mirror", *job, check=2).stderr
    ablate("data", "prepare", "--refresh", *job)
    assert json.loads(ablate("plan", "--json", *job).stdout)["jobs"][0]["state"] == "stale"
    for meta in tmp_path.glob("results/data/folder-*/meta.json"):
        meta.write_text("{")
    assert json.loads(ablate("status", "--json", *job).stdout)[0]["exit"] == "finished"
    ablate("data", "prepare", "--refresh", *job)
