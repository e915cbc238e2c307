"""The ladder says what the journals say, and nothing where they say nothing."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.claims.ladder import LadderSpec, Rung, RungResult, climb, standings
from analysis.figures.ladder import ladder_chart
from analysis.figures.outcomes import LOOKS
from analysis.frames.jobs import Frames, Selected, load
from analysis.report.ladder_words import hypothesis_words, ladder_rows, ladder_view
from analysis.report.page import TEMPLATES
from fakeface.outcomes import Regime, regime_of
from tests.analysis_journals import METRIC, PROTOCOL, begin, end

HYPOTHESES = {"slow": "it is slow", "lr": "the rate is too low", "data": "the data are too few"}


class Lab:
    """Journals of jobs, written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.selected: list[Selected] = []

    def job(
        self,
        run: str,
        score: float | None = None,
        *,
        seed: int = 0,
        exit_: str = "finished",
        samples: str | None = "noise",
        dynamics: str | None = "stalled",
        optimizer: str = "sgd",
        ratios: tuple[Sequence[float], Sequence[float]] | None = None,
        protocol: str = "aa",
        scored_at: int = 100,
    ) -> None:
        place = self.folder / f"{run}-{seed}"
        journal = begin(place, settings={"optimizer.name": optimizer}, seed=seed, total_steps=100)
        if ratios is not None:
            steps = [10 * (i + 1) for i in range(len(ratios[0]))]
            values = {"update_ratio_G": list(ratios[0]), "update_ratio_D": list(ratios[1])}
            journal.append("metrics", steps=steps, values=values)
        if score is not None:
            record = {**PROTOCOL, "protocol": protocol}
            journal.append("evaluation", step=scored_at, values={METRIC: score}, **record)
        end(journal, exit_, samples, dynamics, 100)
        self.selected.append(Selected(run, seed, place))

    def works(self, run: str, score: float, *, seed: int = 0) -> None:
        self.job(run, score, seed=seed, samples="healthy", dynamics="balanced")

    def unbegun(self, run: str, seed: int = 0) -> None:
        self.selected.append(Selected(run, seed, self.folder / f"{run}-{seed}"))

    def frames(self) -> Frames:
        return load(self.selected)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    yield Lab(tmp_path)


def ladder(**tests: str | None) -> LadderSpec:
    """A ladder from `sgd` to `adam` over the runs named, each with the hypothesis that it tests."""
    rungs = [Rung(run, hypothesis, "") for run, hypothesis in tests.items()]
    return LadderSpec("sgd", "adam", HYPOTHESES, rungs)


def only(results: list[RungResult]) -> RungResult:
    (result,) = results
    return result


def sentence(frames: Frames, spec: LadderSpec, hypothesis: str) -> str:
    return dict(hypothesis_words(frames, spec))[hypothesis]


def texts(figure: Figure) -> list[str]:
    (ax,) = figure.axes
    return [text.get_text() for text in ax.texts]


def marks(ax: Axes, run: str) -> list[tuple[float, str]]:
    """x and colour of each seed's mark of a run."""
    return [
        (float(np.asarray(line.get_xdata(), dtype=float)[0]), str(line.get_color()))
        for line in ax.get_lines()
        if line.get_label() == run and line.get_marker() not in ("None", "none", "")
    ]


@pytest.mark.parametrize(
    ("score", "samples", "share", "word"),
    [
        (190.0, "healthy", 0.91, "reaches"),
        (200.0, "healthy", 0.9, "reaches"),
        (190.0, "collapsed", 0.91, "part way"),
        (201.0, "healthy", 0.899, "part way"),
        (850.0, "noise", 0.25, "part way"),
        (851.0, "noise", 0.249, "no better"),
        (1350.0, "noise", -0.25, "no better"),
        (1351.0, "noise", -0.251, "worse"),
        (90.0, "healthy", 1.01, "reaches"),
    ],
)
def test_the_share_of_the_gap_and_its_word(
    lab: Lab, score: float, samples: str, share: float, word: str
) -> None:
    lab.job("sgd", 1100.0)
    lab.works("adam", 100.0)
    lab.job("x", score, samples=samples, dynamics="balanced")
    result = only(climb(lab.frames(), ladder(x="slow")))
    assert result.share == pytest.approx(share)
    assert result.word == word


def test_only_seeds_that_all_three_have_are_compared_each_with_itself(lab: Lab) -> None:
    for seed, (floor, goal) in enumerate([(1000.0, 0.0), (2000.0, 1000.0), (500.0, 100.0)]):
        lab.job("sgd", floor, seed=seed)
        lab.works("adam", goal, seed=seed)
    lab.job("x", 800.0, seed=0)
    lab.job("x", 1600.0, seed=1)
    lab.job("x", 7.0, seed=9)
    result = only(climb(lab.frames(), ladder(x="slow")))
    assert result.seeds == (0, 1)
    assert (result.start, result.mean) == (1500.0, 1200.0)
    assert result.share == pytest.approx(0.3)
    assert (result.low, result.high) == (pytest.approx(0.2), pytest.approx(0.4))
    assert result.standing.scores == {0: 800.0, 1: 1600.0, 9: 7.0}


def test_a_seed_whose_floor_and_goal_lie_the_wrong_way_round_leaves_no_range(lab: Lab) -> None:
    for seed, (floor, goal, rung) in enumerate([(1000.0, 100.0, 500.0), (100.0, 200.0, 150.0)]):
        lab.job("sgd", floor, seed=seed)
        lab.works("adam", goal, seed=seed)
        lab.job("x", rung, seed=seed)
    result = only(climb(lab.frames(), ladder(x="slow")))
    assert result.share == pytest.approx((550 - 325) / (550 - 150))
    assert result.low is None and result.high is None
    assert "with some seeds there is no gap" in sentence(lab.frames(), ladder(x="slow"), "slow")


def test_rungs_rank_from_the_nearest_then_the_diverged_then_the_unknown(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    lab.job("broken", None, exit_="diverged", samples=None, dynamics=None)
    lab.unbegun("later")
    lab.job("far", 990.0)
    lab.works("near", 110.0)
    lab.works("partly", 50.0)
    lab.job("partly", None, seed=1, exit_="diverged", samples=None, dynamics=None)
    spec = ladder(later="lr", broken="lr", partly="lr", far="lr", near="lr")
    results = climb(lab.frames(), spec)
    assert [(r.rung.run, r.word) for r in results] == [
        ("near", "reaches"), ("far", "no better"), ("partly", "diverged"), ("broken", "diverged"),
        ("later", "unknown"),
    ]  # fmt: skip
    words = sentence(lab.frames(), spec, "lr")
    assert words.startswith("“the rate is too low”: `near` brings the distance from 1,000 to 110.0")
    assert "`partly` closes 106% (seed 1 diverged)" in words
    assert "`broken` diverged" in words and "`later`: seed 0 not begun" in words


def test_scores_before_the_end_or_under_another_protocol_or_nan_are_not_distances(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    lab.job("cut", 500.0, exit_="interrupted")
    lab.job("early", 500.0, scored_at=50)
    lab.job("other", 500.0, protocol="bb")
    lab.job("blown", 500.0, exit_="diverged")
    lab.job("nan", math.nan)
    at = standings(lab.frames(), ["cut", "early", "other", "blown", "nan", "nowhere"])
    assert all(not standing.scores for standing in at.values())
    assert at["cut"].missing == "seed 0 interrupted"
    assert at["early"].missing == at["other"].missing == "seed 0 not scored under the protocol of the others"
    assert at["blown"].diverged == at["nan"].diverged == (0,)
    assert at["nowhere"].missing == "none of its jobs is among those selected"


def test_a_last_score_that_is_nan_is_not_replaced_by_an_earlier_one(lab: Lab) -> None:
    journal = begin(lab.folder / "x-0", total_steps=100)
    journal.append("evaluation", step=50, values={METRIC: 300.0}, **PROTOCOL)
    journal.append("evaluation", step=100, values={METRIC: math.nan}, **PROTOCOL)
    end(journal, "finished", "noise", "stalled", 100)
    lab.selected.append(Selected("x", 0, lab.folder / "x-0"))
    standing = standings(lab.frames(), ["x"])["x"]
    assert standing.diverged == (0,) and not standing.scores


@pytest.mark.parametrize("absent", ["sgd", "adam"])
@pytest.mark.parametrize("how", ["not selected", "not begun", "diverged"])
def test_without_a_floor_or_a_goal_there_is_no_share_but_everything_is_shown(
    lab: Lab, absent: str, how: str
) -> None:
    lab.works({"sgd": "adam", "adam": "sgd"}[absent], 100.0)
    if how == "not begun":
        lab.unbegun(absent)
    if how == "diverged":
        lab.job(absent, None, exit_="diverged", samples=None, dynamics=None)
    lab.job("x", 500.0)
    frames, spec = lab.frames(), ladder(x="slow")
    result = only(climb(frames, spec))
    assert (result.share, result.word) == (None, "unknown")
    assert f"`{absent}`" in result.why
    assert sentence(frames, spec, "slow").startswith(f"“it is slow”: undecided: `{absent}`")
    (ax,) = ladder_chart(frames, spec).axes
    assert [x for x, _ in marks(ax, "x")] == [500.0]
    assert [row[0] for row in ladder_rows(frames, spec)] == ["sgd", "x", "adam"]


def test_a_floor_no_further_away_than_the_goal_leaves_no_gap(lab: Lab) -> None:
    lab.job("sgd", 100.0)
    lab.works("adam", 100.0)
    lab.job("x", 500.0)
    result = only(climb(lab.frames(), ladder(x="slow")))
    assert result.share is None and "no gap to close" in result.why


def test_floor_and_goal_are_no_rungs_of_their_own_ladder(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    assert climb(lab.frames(), ladder(sgd="slow", adam=None)) == []
    assert sentence(lab.frames(), ladder(sgd="slow"), "slow") == "“it is slow”: no run tests it."


def test_one_seed_is_described_and_its_numbers_are_the_journals(lab: Lab) -> None:
    lab.job("sgd", 1174.0)
    lab.works("adam", 635.0)
    lab.job("sgd-10x", 1050.0)
    spec = LadderSpec("sgd", "adam", HYPOTHESES, [Rung("sgd-10x", "slow", "Ten times the steps.")])
    assert sentence(lab.frames(), spec, "slow") == (
        "“it is slow”: ten times the steps (`sgd-10x`) brings the distance from 1,174 to 1,050 and closes 23% of the "
        "gap to `adam`, with noise samples: no (one seed: a description, not a verdict)."
    )


def test_a_question_is_no_subject_of_a_sentence(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    lab.job("x", 800.0)
    spec = LadderSpec("sgd", "adam", HYPOTHESES, [Rung("x", "slow", "Is it slow?")])
    assert sentence(lab.frames(), spec, "slow").startswith("“it is slow”: `x` brings")


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([120.0, 150.0], "yes"),
        ([600.0, 650.0], "in part"),
        ([980.0, 1050.0], "no"),
        ([1500.0, 1700.0], "no, it makes things worse"),
        ([120.0, 300.0], "in part on average, but its seeds range from “part way” to “reaches”"),
    ],
)
def test_several_seeds_give_a_verdict_and_the_range_of_their_shares(
    lab: Lab, scores: list[float], verdict: str
) -> None:
    for seed, score in enumerate(scores):
        lab.job("sgd", 1000.0, seed=seed)
        lab.works("adam", 100.0, seed=seed)
        lab.works("x", score, seed=seed)
    words = sentence(lab.frames(), ladder(x="slow"), "slow")
    low, high = (round(100 * (1000 - score) / 900) for score in (max(scores), min(scores)))
    assert f"({low}% to {high}% over 2 seeds)" in words
    assert words.endswith(f": {verdict}.")
    assert "one seed" not in words


def test_a_change_that_only_makes_things_worse_is_told_to_matter(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    lab.job("half", 1010.0)
    lab.job("tenth", 1900.0)
    words = sentence(lab.frames(), ladder(half="data", tenth="data"), "data")
    assert "`half` brings the distance from 1,000 to 1,010 and adds 1% of the gap" in words
    assert "no, though what it changes matters (`tenth` worse)" in words


def test_regimes_are_those_of_the_studies() -> None:
    outcomes = [
        ("diverged", None, None), ("finished", "noise", "discriminator-won"), ("interrupted", "healthy", "balanced"),
        ("finished", "healthy", "stalled"), ("finished", "collapsed", "stalled"), ("finished", "noise", "balanced"),
        ("finished", "collapsed", "balanced"), ("finished", None, None),
    ]  # fmt: skip
    found = [regime_of(*outcome) for outcome in outcomes]
    assert found == [
        "diverged", "discriminator-won", "unknown", "works", "stalled", "noise", "collapsed", "unknown"
    ]  # fmt: skip
    assert set(found) == set(Regime)


def test_the_chart_shows_every_seed_in_the_colour_of_its_outcome(lab: Lab) -> None:
    for seed in (0, 1):
        lab.job("sgd", 1000.0 + seed, seed=seed)
        lab.works("adam", 100.0 + seed, seed=seed)
    lab.works("x", 200.0, seed=0)
    lab.job("x", 900.0, seed=1)
    lab.job("y", None, seed=0, exit_="diverged", samples=None, dynamics=None)
    lab.unbegun("z")
    figure = ladder_chart(lab.frames(), ladder(x="lr", y="lr", z=None))
    (ax,) = figure.axes
    assert marks(ax, "x") == [(200.0, LOOKS["works"].color), (900.0, LOOKS["stalled"].color)]
    assert [color for _, color in marks(ax, "y")] == [LOOKS["diverged"].color]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["“the rate is too low”", "other steps", "x", "y", "z"]
    shown = {"sgd  1,000", "adam  100.5", "50%", "part way", "works, stalled", "diverges", "seed 0 not begun"}
    assert shown <= set(texts(figure))
    assert ax.get_xlabel() == "fd_test (N = 2,000)"


def test_thirty_rungs_keep_their_rows_apart(lab: Lab) -> None:
    lab.job("sgd", 1000.0)
    lab.works("adam", 100.0)
    names = [f"run-{i}" for i in range(30)]
    for i, name in enumerate(names):
        lab.job(name, 150.0 + 25 * i, ratios=([1e-4] * 3, [1e-3] * 3))
    frames, spec = lab.frames(), LadderSpec("sgd", "adam", HYPOTHESES, [Rung(n, "lr", "") for n in names])
    figure = ladder_chart(frames, spec)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    boxes = sorted(
        (label.get_window_extent() for label in ax.get_yticklabels()), key=lambda box: float(box.y0)
    )
    assert len(boxes) == 31
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))


def test_the_page_shows_sentences_table_and_figures_with_names_escaped(lab: Lab) -> None:
    lab.job("sgd", 1000.0, ratios=([1e-4], [1e-2]))
    lab.works("adam", 100.0)
    lab.job("x", 500.0)
    spec = LadderSpec("sgd", "adam", {"slow": "is <it> slow"}, [Rung("x", "slow", "ten times the steps")])
    frames = lab.frames()
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters["names"] = str
    page = environment.get_template("ladder.html.j2").render(
        ladders=[ladder_view(frames, spec, name="why", description="Why?")],
        figures={"ladder-why": "data:a"},
    )
    assert "is &lt;it&gt; slow" in page and "<it>" not in page
    assert page.count("<tr>") == 4 and "fd_test (N\u00a0=\u00a02,000)" in page
    assert "data:a" in page
    empty = environment.get_template("ladder.html.j2").render(ladders=[], figures={})
    assert "<section" not in empty


def test_a_rung_that_starts_elsewhere_says_what_it_changes_there_and_nothing_of_its_start(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    lab.job("floor", 1000.0)
    lab.job("goal", 500.0)
    lab.job("tuned", 520.0, samples="healthy", dynamics="balanced")
    lab.job("less", 540.0)
    lab.job("broken", 900.0)
    rungs = [
        Rung("tuned", "rate", ""),
        Rung("less", "data", "", "tuned"),
        Rung("broken", "range", "", "tuned"),
    ]
    spec = LadderSpec("floor", "goal", {"rate": "the rate", "data": "the data", "range": "the range"}, rungs)
    words = dict(hypothesis_words(lab.frames(), spec))
    assert "closes 96% of the gap" in words["rate"]
    assert "4% of the gap for the worse" in words["data"] and "hardly matters there" in words["data"]
    assert (
        "76% of the gap for the worse" in words["range"]
        and "it matters there, for the worse" in words["range"]
    )
    assert [r.word for r in climb(lab.frames(), spec)] == ["reaches", "hardly matters", "worse"]


def test_without_journals_the_chart_is_empty(lab: Lab) -> None:
    lab.unbegun("sgd")
    lab.unbegun("x")
    ladder_chart(lab.frames(), ladder(x="slow")).draw_without_rendering()
