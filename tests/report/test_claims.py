"""The verdicts on the page and in `report.json`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.claims import Evidence
from analysis.claims.judging import Verdict, judge_claims
from analysis.claims.preregistration import Change
from analysis.claims.words import cells, sentence
from analysis.figures import style
from analysis.report.build import ReportFiles, build
from analysis.report.results import ReportInputs
from tests.claim_journals import Trainings, claims_of
from tests.report.test_page import Page

VERDICTS = ["supported", "refuted", "undecided", "not run"]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportFiles, list[Verdict]]:
    """A report on two runs and four claims, one of them on a run that has not begun."""
    folder = tmp_path_factory.mktemp("claims")
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
    found = judge_claims(claims, Evidence(frames, {}), lambda _: "ablate run --run both")
    found[0] = replace(found[0], change=Change("changed", "sgd", 2, 0, count=1, of=6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        files = build(
            frames, folder / "report", title="A title", command="c", inputs=ReportInputs(claims=found)
        )
    return files, found


def test_the_page_has_the_samples_before_the_verdicts_and_every_word_of_each(reported):
    files, found = reported
    page = Page(files.page)
    anchors = [a["id"] for tag, a in page.tags if tag == "section"]
    assert [name for name in anchors if name in ("samples", "losses", "claims", "quality", "runs")] == [
        "samples", "losses", "claims", "quality", "runs"
    ]  # fmt: skip
    assert [verdict.word for verdict in found] == VERDICTS
    for verdict in found:
        for words in (*cells(verdict), sentence(verdict).replace("`", "")):
            assert words in page.text.replace("\u00a0", " "), words


def test_claims_with_one_seed_are_a_line_that_says_what_would_judge_them(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [100.0], grids=True)
    lab.scored("sgd", [200.0], samples="noise", grids=True)
    claims = claims_of(
        tmp_path,
        worse="compare: {run: sgd, against: baseline, metric: quality, direction: higher, by: 5%}",
        noise="outcome: {run: sgd, samples: noise}",
    )
    frames = lab.frames()
    found = judge_claims(claims, Evidence(frames, {}), lambda _: "ablate run --run sgd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        files = build(frames, tmp_path / "r", title="t", command="c", inputs=ReportInputs(claims=found))
    page = Page(files.page)
    assert "2 claims can be judged once each run has two seeds or more" in page.text
    assert "1 of 1 seed of sgd ends as noise: the share is 100%." in page.text
    assert not [name for name in files.figures if name.startswith("claim-")]


def test_a_claim_that_was_changed_after_its_runs_began_is_marked(reported):
    files, _ = reported
    page = Page(files.page)
    assert page.text.count("changed after its runs began") == 1
    assert (
        "changed after 1 of its 6 trainings had begun (the first: sgd with seed 2, on 1970-01-01)"
        in page.text
    )
    changes = [claim["change"] for claim in files.record["claims"]]
    assert changes == [
        {"how": "changed", "run": "sgd", "seed": 2, "time": 0, "count": 1, "of": 6},
        None,
        None,
        None,
    ]


def test_each_claim_with_data_has_its_figure_on_the_page(reported):
    files, _ = reported
    described = [a["alt"] or "" for tag, a in Page(files.page).tags if tag == "img"]
    assert sum(alt.startswith("Values by seed") for alt in described) == 3
    assert {"claim-worse", "claim-better", "claim-most"} <= set(files.figures)
    assert "claim-absent" not in files.figures


def test_the_plain_data_have_the_claims_and_the_runs(reported):
    files, _ = reported
    told = json.loads((files.page.parent / "report.json").read_text())
    assert told.keys() == files.record.keys()
    assert [claim["verdict"] for claim in told["claims"]] == VERDICTS
    assert {"run", "seed", "quality", "samples"} <= set(told["runs"][0])
