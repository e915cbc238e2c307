"""The page: everything in one file, nothing from outside, and every job in it. `page.txt` holds its words.

To accept new words: UPDATE_SNAPSHOT=1 pytest tests/report/test_page.py
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ablations.store.journal import Journal
from analysis.figures import style
from analysis.frames.jobs import Selected, load
from analysis.report.build import ReportFiles, build
from fakeface.evaluation.measures import Estimate
from tests.analysis_journals import PROTOCOL, begin, end, losses, score, train

COMMAND = 'ablate run --set data.name="folder"'
SNAPSHOT = Path(__file__).with_name("page.txt")


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


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Figures that are quick to draw: these tests do not look at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        yield


def built(selections: list[Selected], folder: Path) -> tuple[ReportFiles, Page]:
    files = build(load(selections), folder / "report", title="A title", command=COMMAND)
    return files, Page(files.page)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Of two runs with a seed each, the first with a whole score."""
    folder = tmp_path_factory.mktemp("whole")
    jobs = [train(folder / f"{run}-0", [1.0] * 60, [4.0] * 60) for run in ("adam", "sgd")]
    with Journal(jobs[0].folder / "journal.jsonl") as journal:
        values = score(fd=Estimate(50.0, low=45.0, high=55.0), precision=0.4, floor=12.0)
        journal.append("evaluation", step=61, values=values, **PROTOCOL)
        journal.append("note", text="resumed inexactly")
    return built(jobs, folder)[1]


def test_the_words_of_the_page(page: Page):
    lines = [" ".join(line.split()) for line in page.text.splitlines()]
    words = re.sub(r"Built .* from", "Built TODAY from", "\n".join(filter(None, lines))) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(words)
    assert words == SNAPSHOT.read_text()


def test_the_page_refers_to_nothing_outside_itself(page: Page):
    addresses = [a[name] for _, a in page.tags for name in ("src", "href", "srcset", "action") if a.get(name)]
    assert len(addresses) > 5
    assert all(address is not None and address.startswith(("data:", "#")) for address in addresses)
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    contents = [a["href"] or "" for tag, a in page.tags if tag == "a"]
    sections = [f"#{a['id']}" for tag, a in page.tags if tag == "section"]
    assert contents == sections and anchors >= {address[1:] for address in contents}
    assert not re.search(r"url\((?!data:)|@import|https?://", page.source)


def test_the_page_lets_only_its_own_script_run(page: Page):
    policy = next(
        a["content"] or "" for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_markup_in_names_evidence_settings_and_notes_is_inert(tmp_path: Path):
    evil = "<script>alert(1)</script>`<img src=x onerror=alert(1)>"
    journal = begin(tmp_path / "job", settings={"init": evil})
    losses(journal, [1, 2], [1.0, 1.0], [1.0, 1.0])
    journal.append("note", text=evil)
    journal.append(
        "outcome", exit="crashed", samples=None, dynamics=None, onset={}, evidence={"exit": evil}, steps=2,
        weights_sha256=None,
    )  # fmt: skip
    journal.close()
    frames = load([Selected(evil, 0, tmp_path / "job"), Selected("b", 0, tmp_path / "none")])
    page = Page(build(frames, tmp_path / "report", title=evil, command=evil).page)
    assert page.text.count("alert(1)") >= 10
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [a for _, a in page.tags if "onerror" in a]


def test_the_scrubber_has_every_step_of_every_job_and_without_script_the_last_is_visible(page: Page):
    slider = next(a for tag, a in page.tags if a.get("type") == "range")
    assert slider["data-steps"] == "1,60" and slider["max"] == "1"
    assert page.grids() == [
        (f"Samples of {run}, seed 0, at step {step}", step) for run in ("adam", "sgd") for step in (1, 60)
    ]
    assert [a["data-step"] for _, a in page.tags if "data-step" in a and "hidden" not in a] == ["60", "60"]


def test_several_seeds_can_be_chosen_and_one_needs_no_choice(page: Page, tmp_path: Path):
    _, several = built([train(tmp_path / f"adam-{seed}", [1.0] * 9, [4.0] * 9) for seed in (3, 5)], tmp_path)
    assert [a["value"] for _, a in several.tags if a.get("name") == "seed"] == ["3", "5"]
    assert not [a for _, a in page.tags if a.get("name") == "seed"]


def test_incomplete_jobs_are_in_the_report_and_stop_nothing(tmp_path: Path):
    intact, torn = (train(tmp_path / f"{run}-0", [1.0] * 60, [4.0] * 60) for run in ("adam", "sgd"))
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
    rows = [(row["run"], row["exit"]) for row in files.record["runs"]]
    assert rows[2:] == [("step-zero", "interrupted"), ("no-scores", "diverged"), ("never", "new")]
    assert all(words in page.text for words in ("step-zero", "no-scores", "never", "NaN", "damaged lines"))
    assert "losses-no-scores" in files.figures and "losses-step-zero" not in files.figures
    assert {alt for alt, _ in page.grids()} == {
        f"Samples of adam, seed 0, at step {step}" for step in (1, 60)
    }


def test_a_crashed_job_without_any_data_still_makes_a_page(tmp_path: Path):
    end(begin(tmp_path / "a"), "crashed", None, None, 0)
    files, page = built([Selected("a", 0, tmp_path / "a")], tmp_path)
    assert files.figures == {}
    assert "The run a crashed" in page.text and "why exit" in page.text
