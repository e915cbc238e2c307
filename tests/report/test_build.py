"""The files of a report: whole or absent, and written last the one that says the others are there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from analysis.figures import style
from analysis.frames.jobs import Frames, Selected, load
from analysis.report.build import build
from analysis.report.figures import report_figures
from analysis.report.results import compute
from fakeface.errors import UserError
from tests.analysis_journals import train


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Frames:
    """Two runs; their figures are drawn coarsely, since these tests do not look at them."""
    monkeypatch.setattr(style, "DPI", 40)
    return load([train(tmp_path / f"{run}-0", [1.0] * 60, [4.0] * 60) for run in ("adam", "sgd")])


def test_figures_and_plain_data_are_beside_the_page(frames: Frames, tmp_path: Path):
    files = build(frames, tmp_path / "report", title="t", command="c")
    assert set(files.figures) == {
        *("losses-adam", "losses-sgd", "losses-overlaid", "losses-overlaid-narrow"),
        *("quality", "quality-time", "samples-s0"),
    }
    for path in files.figures.values():
        with Image.open(path) as image:
            assert image.format == "PNG" and image.width > 100
    names = {"report.html", "report.json", *(path.name for path in files.figures.values())}
    assert {path.name for path in files.page.parent.iterdir()} == names, "nothing temporary is left"
    record = json.loads((files.page.parent / "report.json").read_text())
    assert record == json.loads(json.dumps(files.record)) and record["title"] == "t"
    assert [(row["run"], row["seed"], row["loss_g"]) for row in record["runs"]] == [
        ("adam", 0, 4),
        ("sgd", 0, 4),
    ]


def test_figures_of_a_wider_report_are_removed_and_no_file_of_the_user_s(frames: Frames, tmp_path: Path):
    wide = build(frames, tmp_path / "report", title="t", command="c")
    beside = [tmp_path / "report" / name for name in ("losses-mine.png", "notes.txt")]
    outside = tmp_path / "outside.png"
    for path in (*beside, outside):
        path.write_text("the user's")
    listed = tmp_path / "report" / "report.json"
    known = json.loads(listed.read_text())
    listed.write_text(json.dumps(known | {"figures": {**known["figures"], "x": "../outside.png"}}))
    only = load([Selected("adam", 0, tmp_path / "adam-0")])
    narrow = build(only, tmp_path / "report", title="t", command="c")
    assert wide.figures["losses-sgd"].name not in {path.name for path in narrow.figures.values()}
    kept = {"report.html", "report.json", *(path.name for path in (*narrow.figures.values(), *beside))}
    assert {path.name for path in listed.parent.iterdir()} == kept
    assert outside.read_text() == "the user's"


def test_several_seeds_have_a_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(style, "DPI", 40)
    jobs = [train(tmp_path / f"adam-{seed}", [1.0] * 9, [4.0] * 9) for seed in (0, 1)]
    assert "quality-seeds" in build(load(jobs), tmp_path / "report", title="t", command="c").figures


@pytest.mark.parametrize("selected", [[], ["a", "b"]])
def test_nothing_to_report_on_says_which_command_comes_first(tmp_path: Path, selected: list[str]):
    frames = load([Selected(run, 0, tmp_path / run) for run in selected])
    with pytest.raises(UserError, match="ablate run"):
        build(frames, tmp_path / "report", title="t", command="c")
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_user(frames: Frames, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write the report"):
        build(frames, tmp_path / "file", title="t", command="c")


def test_a_failed_write_leaves_the_former_page_as_it_was(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    page = build(frames, tmp_path / "report", title="former", command="c").page

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UserError, match="No space left"):
        build(frames, tmp_path / "report", title="later", command="c")
    assert "former" in page.read_text()
    assert not [path for path in page.parent.iterdir() if path.name.startswith(".")]


def test_a_file_is_on_the_disk_before_it_is_in_its_place(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(UserError, match="cannot write the report: Input/output error"):
        build(frames, tmp_path / "report", title="t", command="c")
    assert not list((tmp_path / "report").iterdir())


def test_importing_the_report_imports_no_torch_and_changes_no_setting_of_matplotlib():
    code = """
import sys, matplotlib
before = dict(matplotlib.rcParams)
import analysis.report.build
assert not {"torch", "mlflow"} & set(sys.modules)
assert dict(matplotlib.rcParams) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_objective_has_its_own_axes_with_its_unit_and_the_page_says_why(tmp_path: Path):
    bce = train(tmp_path / "bce-0", [1.0] * 20, [2.0] * 20)
    critic = train(tmp_path / "critic-0", [-40.0] * 20, [3.0] * 20, loss="wasserstein")
    frames = load([bce, critic])
    results = compute(frames, title="t", command="c")
    figures = report_figures(results)
    panels = figures["losses-overlaid"].axes
    assert [ax.get_ylabel() for ax in panels] == ["Loss_D (nats)", "Loss_G (nats)", "Loss_D", "Loss_G"]
    drawn = [
        {line.get_label() for line in ax.get_lines() if not line.get_label().startswith("_")} for ax in panels
    ]
    assert drawn == [{"bce"}, {"bce"}, {"critic"}, {"critic"}]
    low, high = figures["losses-critic"].axes[0].get_ylim()
    assert low < -40 and high > 3
    assert figures["losses-critic"].axes[0].get_ylabel() == "loss"
    build(frames, tmp_path / "report", title="t", command="c")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Losses of different objectives do not compare (non-saturating; wasserstein (clip 0.01))" in page
