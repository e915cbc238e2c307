"""The report as Markdown: the page's words and numbers, the figures beside it, and nothing that a name can inject."""

import json
import re
from pathlib import Path

import pytest

from analysis.claims.judging import Finding, judge_claims
from analysis.claims.words import claim_view
from analysis.figures import style
from analysis.frames.jobs import Selected, load
from analysis.report.build import Asked, ReportFiles, build
from tests.analysis_journals import begin, end, losses
from tests.claim_journals import Trainings, claims_of
from tests.report.test_build import Page

COMMAND = "ablate run --seeds 0,1,2"


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Figures that are quick to draw: nobody looks at them here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        yield


@pytest.fixture(scope="module")
def reported(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ReportFiles, list[Finding]]:
    """A report on two runs and four claims, one of them on a run that was not done."""
    folder = tmp_path_factory.mktemp("markdown")
    lab = Trainings(folder)
    lab.scored("baseline", [100.0, 101.0, 99.0], grids=True)
    lab.scored("sgd", [200.0, 202.0, 201.0], samples="noise", grids=True)
    lab.unbegun("both")
    claims = claims_of(
        folder,
        worse="compare: {run: sgd, against: baseline, metric: quality, direction: higher, by: 5%}",
        better="compare: {run: sgd, against: baseline, metric: quality, direction: lower, by: 5%}",
        most="outcome: {run: sgd, samples: noise}",
        absent="outcome: {run: both, samples: noise}",
    )
    frames = lab.frames()
    found = judge_claims(claims, frames, {}, lambda _: "ablate run --run both")
    asked = Asked(claims=found)
    files = build(frames, folder / "report", title="A title", command=COMMAND, asked=asked)
    return files, found


def test_page_and_markdown_open_with_the_verdicts_and_say_the_same_of_each_claim(reported):
    files, found = reported
    text, page = files.markdown.read_text(), Page(files.page)
    plain = re.sub(r"\\(.)", r"\1", text).replace("`", "")
    assert text.index("## Claims") < text.index("## Runs")
    assert page.source.index('id="claims"') < page.source.index('id="runs"')
    assert [finding.verdict for finding in found] == ["supported", "refuted", "undecided", "not run"]
    for finding in found:
        view = claim_view(finding)
        for words in (*view.cells(), view.words.replace("`", "")):
            assert words in plain, words
            assert words in page.text, words


def test_the_figures_that_markdown_shows_lie_beside_it(reported):
    files, _ = reported
    shown = re.findall(r"!\[[^\n]*\]\(([^)]+)\)", files.markdown.read_text())
    assert {"claim-worse.png", "losses-sgd.png", "samples-s0.png", "quality.png"} <= set(shown)
    assert all((files.markdown.parent / name).is_file() for name in shown)


def test_each_claim_with_data_has_its_figure_on_the_page(reported):
    files, _ = reported
    described = [a["alt"] or "" for tag, a in Page(files.page).tags if tag == "img"]
    assert sum(alt.startswith("Values by seed") for alt in described) == 3
    assert {"claim-worse", "claim-better", "claim-most"} <= set(files.figures)
    assert "claim-absent" not in files.figures


def test_tables_have_as_many_cells_in_each_row(reported):
    files, _ = reported
    tables = re.findall(r"(?:^\|.*\|\n)+", files.markdown.read_text(), flags=re.MULTILINE)
    assert len(tables) >= 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_plain_data_have_the_claims_and_the_runs(reported):
    files, _ = reported
    told = json.loads((files.page.parent / "report.json").read_text())
    assert told.keys() == files.record.keys()
    assert [claim["verdict"] for claim in told["claims"]] == ["supported", "refuted", "undecided", "not run"]
    assert {"run", "seed", "quality", "samples"} <= set(told["runs"][0])


def test_markup_in_names_and_evidence_is_inert(tmp_path: Path):
    evil = "<b>x</b> | [a](http://b) ![i](c) `d *e* \n# f"
    journal = begin(tmp_path / "job")
    losses(journal, [1, 2], [1.0, 1.0], [1.0, 1.0])
    end(journal, "crashed", None, None, 2)
    files = build(
        load([Selected(evil, 0, tmp_path / "job")]), tmp_path / "report", title=evil, command="```\nls"
    )
    text = files.markdown.read_text()
    assert "\n````\n```\nls\n````\n" in text
    body = text.replace("\n````\n```\nls\n````\n", "")
    assert not re.search(r"(?<!\\)<|(?<!\\|!)\[(?!losses|samples)|\n# f", body)
