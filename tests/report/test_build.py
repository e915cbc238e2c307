"""The page: everything in one file, nothing from outside, and every job in it whatever became of it."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from ablations.store.journal import Journal
from analysis.figures import style
from analysis.frames.jobs import Frames, Selected, load
from analysis.report import grids
from analysis.report.build import ReportFiles, build
from fakeface.errors import UserError
from fakeface.evaluation.measures import Estimate
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, losses, score, train

COMMAND = 'ablate run --spec runs.yaml --set data.name="folder"'


class Page(HTMLParser):
    """The page's tags with their attributes, and its visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = path.read_text()
        self._hidden = 0
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data

    def grids(self) -> list[tuple[str, int]]:
        """(description, step) of each image in the sample viewer."""
        return [(a["alt"] or "", int(a["data-step"] or 0)) for _, a in self.tags if "data-step" in a]


def two_runs(tmp_path: Path) -> list[Selected]:
    return [train(tmp_path / f"{run}-0", [1.0] * 60, [4.0] * 60) for run in ("adam", "sgd")]


def built(selections: list[Selected], tmp_path: Path) -> tuple[ReportFiles, Page]:
    files = build(load(selections), tmp_path / "report", title="A title", command=COMMAND)
    return files, Page(files.page)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportFiles, Page]:
    """A report of two runs that lack nothing, for the tests that only read it."""
    folder = tmp_path_factory.mktemp("whole")
    return built(two_runs(folder), folder)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are quick to draw, for the tests that do not look at them."""
    monkeypatch.setattr(style, "DPI", 40)


def test_the_page_refers_to_nothing_outside_itself(whole: tuple[ReportFiles, Page]) -> None:
    _, page = whole
    addresses = [a[name] for _, a in page.tags for name in ("src", "href", "srcset", "action") if a.get(name)]
    assert len(addresses) > 5
    assert all(address is not None and address.startswith("data:") for address in addresses)
    assert not re.search(r"url\((?!data:)|@import|https?://", page.source)


def test_the_page_lets_only_its_own_script_run(whole: tuple[ReportFiles, Page]) -> None:
    _, page = whole
    policy = next(
        a["content"] or "" for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_every_run_its_evidence_and_the_command_are_on_the_page(whole: tuple[ReportFiles, Page]) -> None:
    _, page = whole
    for words in ("adam", "sgd", "why samples", "why dynamics", f"{METRIC} (N", COMMAND, "c0ffee", "A title"):
        assert words in page.text, words
    assert "Of 2 runs, adam and sgd make healthy samples" in page.text
    assert "This command trains what is missing; ablate report with the same selectors" in page.text


@pytest.mark.usefixtures("coarse")
def test_markup_in_names_evidence_settings_and_notes_is_inert(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>`<img src=x onerror=alert(1)>"
    journal = begin(tmp_path / "job", settings={"init": evil})
    losses(journal, [1, 2], [1.0, 1.0], [1.0, 1.0])
    journal.append("note", text=evil)
    journal.append(
        "outcome", exit="crashed", samples=None, dynamics=None, onset={}, evidence={"exit": evil}, steps=2,
        weights_sha256=None,
    )  # fmt: skip
    journal.close()
    files = build(
        load([Selected(evil, 0, tmp_path / "job"), Selected("b", 0, tmp_path / "none")]),
        tmp_path / "report", title=evil, command=evil,
    )  # fmt: skip
    page = Page(files.page)
    assert page.text.count("alert(1)") >= 10
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [a for _, a in page.tags if "onerror" in a]


def test_the_scrubber_has_every_step_of_every_job(whole: tuple[ReportFiles, Page]) -> None:
    _, page = whole
    slider = next(a for tag, a in page.tags if a.get("type") == "range")
    assert slider["data-steps"] == "1,60" and slider["max"] == "1"
    assert page.grids() == [
        (f"Samples of {run}, seed 0, at step {step}", step) for run in ("adam", "sgd") for step in (1, 60)
    ]


def test_without_script_the_last_grid_of_each_job_is_visible(whole: tuple[ReportFiles, Page]) -> None:
    _, page = whole
    visible = [a["data-step"] for _, a in page.tags if "data-step" in a and "hidden" not in a]
    assert visible == ["60", "60"]


@pytest.mark.usefixtures("coarse")
def test_several_seeds_can_be_chosen_and_one_needs_no_choice(tmp_path: Path) -> None:
    jobs = [train(tmp_path / f"adam-{seed}", [1.0] * 9, [4.0] * 9) for seed in (3, 5)]
    _, page = built(jobs, tmp_path)
    assert [a["value"] for _, a in page.tags if a.get("name") == "seed"] == ["3", "5"]
    _, single = built(jobs[:1], tmp_path)
    assert not [a for _, a in single.tags if a.get("name") == "seed"]


def test_the_figures_are_written_beside_the_page(whole: tuple[ReportFiles, Page]) -> None:
    files, _ = whole
    assert set(files.figures) == {
        *("losses-adam", "losses-sgd", "losses-overlaid", "losses-overlaid-narrow"),
        *("quality", "quality-time", "samples-s0"),
    }
    for path in files.figures.values():
        with Image.open(path) as image:
            assert image.format == "PNG" and image.width > 500
    assert {path.name for path in files.page.parent.iterdir()} == {
        "report.html", "report.json", *(path.name for path in files.figures.values())
    }, "nothing temporary is left"  # fmt: skip


@pytest.mark.usefixtures("coarse")
def test_incomplete_jobs_are_in_the_report_and_stop_nothing(tmp_path: Path) -> None:
    intact, torn = two_runs(tmp_path)
    begin(tmp_path / "step-zero").close()
    journal = begin(tmp_path / "no-scores")
    losses(journal, [1], [float("nan")], [1.0])
    end(journal, "diverged", None, None, 1)
    for path in (torn.folder / "samples").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    with (torn.folder / "journal.jsonl").open("ab") as file:
        file.write(b"00000000 {}\n{")
    others = [Selected(name, 0, tmp_path / name) for name in ("step-zero", "no-scores", "never")]
    files, page = built([intact, torn, *others], tmp_path)
    for words in (
        "step-zero",
        "no-scores",
        "never",
        "interrupted",
        "diverged",
        "new",
        "NaN",
        "damaged lines",
    ):
        assert words in page.text, words
    assert "losses-no-scores" in files.figures and "losses-step-zero" not in files.figures
    assert {alt for alt, _ in page.grids()} == {
        f"Samples of adam, seed 0, at step {step}" for step in (1, 60)
    }


def test_a_single_crashed_job_without_any_data_still_makes_a_page(tmp_path: Path) -> None:
    end(begin(tmp_path / "a"), "crashed", None, None, 0)
    files, page = built([Selected("a", 0, tmp_path / "a")], tmp_path)
    assert files.figures == {}
    assert "The run a crashed" in page.text and "why exit" in page.text


@pytest.mark.usefixtures("coarse")
def test_the_page_gives_the_last_score_of_each_job_in_numbers(tmp_path: Path) -> None:
    selections = two_runs(tmp_path)
    with Journal(selections[0].folder / "journal.jsonl") as journal:
        values = score(fd=Estimate(50.0, low=45.0, high=55.0), floor=12.0)
        journal.append("evaluation", step=61, values=values, **PROTOCOL)
    _, page = built(selections, tmp_path)
    table = page.text.partition("Quality in numbers")[2]
    assert "50.0 (45.0 to 55.0)" in table and "1.667" in table
    assert re.search(r"jobs behind each column\s+2 of 2\s+0 of 2\s+0 of 2\s+0 of 2\s+0 of 2\s+1 of 2", table)


@pytest.mark.parametrize("selected", [[], ["a", "b"]])
def test_nothing_to_report_on_says_which_command_comes_first(tmp_path: Path, selected: list[str]) -> None:
    frames = load([Selected(run, 0, tmp_path / run) for run in selected])
    with pytest.raises(UserError, match="ablate run"):
        build(frames, tmp_path / "report", title="t", command="c")
    assert not (tmp_path / "report").exists()


@pytest.mark.usefixtures("coarse")
def test_a_folder_that_cannot_be_written_is_the_user_s_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write the report"):
        build(load(two_runs(tmp_path)), tmp_path / "file", title="t", command="c")


@pytest.mark.usefixtures("coarse")
def test_a_failed_write_leaves_the_former_page_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = load(two_runs(tmp_path))
    page = build(frames, tmp_path / "report", title="former", command="c").page

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UserError, match="No space left"):
        build(frames, tmp_path / "report", title="later", command="c")
    assert "former" in page.read_text()
    assert not [path for path in page.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("coarse")
def test_a_page_is_on_the_disk_before_it_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = load(two_runs(tmp_path))

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(UserError, match="cannot write the report: Input/output error"):
        build(frames, tmp_path / "report", title="t", command="c")
    assert not list((tmp_path / "report").iterdir())


def noisy(tmp_path: Path, side: int) -> Frames:
    selection = train(tmp_path / "adam-0", [1.0] * 9, [4.0] * 9)
    for path in (selection.folder / "samples").iterdir():
        Image.effect_noise((side, side), 90).save(path)
    return load([selection])


def test_small_grids_go_in_as_they_are(tmp_path: Path) -> None:
    frames = noisy(tmp_path, 64)
    embedded = grids.embed(frames.images)
    assert embedded.reduced_to is None
    assert [g.uri for g in embedded.grids] == [
        grids.data_uri(p.read_bytes(), "png") for p in frames.images["path"]
    ]


def test_many_large_grids_are_reduced_until_they_keep_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "AS_THEY_ARE", 10_000)
    monkeypatch.setattr(grids, "BUDGET", 60_000)
    embedded = grids.embed(noisy(tmp_path, 512).images)
    assert embedded.reduced_to is not None and 128 <= embedded.reduced_to < 512
    assert len(embedded.grids) == 2
    assert sum(len(grid.uri) for grid in embedded.grids) < 60_000 * 1.4
    assert all(grid.uri.startswith("data:image/webp;base64,") for grid in embedded.grids)


def test_importing_the_report_imports_no_torch_and_changes_no_setting_of_matplotlib() -> None:
    code = """
import sys, matplotlib
before = dict(matplotlib.rcParams)
import analysis.report.build
assert not {"torch", "mlflow"} & set(sys.modules)
assert dict(matplotlib.rcParams) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
