"""Ladders: the claims on the share of a gap that runs close, by hypothesis, and how often their answers err."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from analysis.claims import Group
from analysis.claims.closes import Closes
from analysis.claims.ladders import (
    Answer,
    Ladder,
    answer_of,
    hypothesis_words,
    ladder_headings,
    ladder_rows,
    ladder_words,
    ladders_of,
    shares,
)
from analysis.claims.words import record, sentence
from analysis.figures.ladder import ladder_chart
from analysis.figures.outcomes import LOOKS
from analysis.report.page import template
from benchmarks.coverage import ladder_answers
from fakeface.outcomes import Regime
from tests.claim_journals import Trainings, judged

START, GOAL = [1000.0, 1010.0, 990.0, 1005.0, 995.0], [502.5, 497.5, 505.0, 500.0, 495.0]


@pytest.fixture
def lab(tmp_path: Path) -> Trainings:
    """`sgd`, which fails at about 1,000, and `baseline`, which works at about 500, with five seeds each."""
    lab = Trainings(tmp_path)
    lab.scored("sgd", START, samples="noise", dynamics="stalled")
    lab.scored("baseline", GOAL)
    return lab


def closes(run: str, share: str = "at_least: 50%", **further: str) -> str:
    named = "".join(f"{key}: {value}, " for key, value in further.items())
    return f"closes: {{run: {run}, {named}start: sgd, goal: baseline, {share}}}"


def at(share: float, values: Sequence[float] = START) -> list[float]:
    """Distances that close this share of the gap, with the seeds' own differences."""
    return [value * 2**-share for value in values[::-1]]


@pytest.mark.parametrize(
    ("share", "claim", "verdict", "answer"),
    [
        (0.95, "at_least: 50%", "supported", Answer.YES),
        (0.30, "at_least: 50%", "refuted", Answer.IN_PART),
        (0.50, "at_least: 50%", "undecided", Answer.IN_PART),
        (0.00, "at_least: 50%", "refuted", Answer.NO),
        (-0.60, "at_least: 50%", "refuted", Answer.NO),
        (-0.60, "at_most: -25%", "supported", Answer.YES),
        (-0.10, "at_most: -25%", "refuted", Answer.IN_PART),
        (0.00, "at_most: -25%", "refuted", Answer.NO),
        (0.02, "within: 25%", "supported", Answer.YES),
        (0.60, "within: 25%", "refuted", Answer.NO),
    ],
)
def test_verdict_and_answer_follow_from_where_the_share_is(
    lab: Trainings, share: float, claim: str, verdict: str, answer: Answer
):
    lab.scored("sgd-half", at(share))
    found = judged(lab, it=closes("sgd-half", claim))["it"]
    assert found.estimate == pytest.approx(share)
    assert (found.word, answer_of(found)) == (verdict, answer)
    assert found.method == "Fieller's interval, paired t"
    assert found.low is not None and found.high is not None
    assert found.low < share < found.high


def test_a_share_of_a_gap_that_the_seeds_do_not_show_says_so(tmp_path: Path):
    lab = Trainings(tmp_path)
    for run, values in (
        ("sgd", [110.0, 90.0, 105.0]),
        ("baseline", [95.0, 104.0, 100.0]),
        ("both", [90.0] * 3),
    ):
        lab.scored(run, values)
    found = judged(lab, it=closes("both"))["it"]
    assert (found.word, found.low, found.high) == ("undecided", -math.inf, math.inf)
    assert "unbounded (these seeds do not show that there is a gap between `sgd` and `baseline`)" in sentence(
        found
    )


def test_a_step_from_elsewhere_counts_from_there_as_a_share_of_the_whole_gap(lab: Trainings):
    lab.scored("sgd-half", at(0.9))
    lab.scored("sgd-tenth", at(0.8))
    lab.scored("both", [value * 2**0.5 for value in GOAL[::-1]])
    found = judged(
        lab,
        tenth=closes("sgd-tenth", "within: 25%", base="sgd-half"),
        both=closes("both", "at_most: -25%", base="baseline"),
    )
    assert found["tenth"].estimate == pytest.approx(-0.1)
    assert found["tenth"].word == "supported"
    assert found["both"].estimate == pytest.approx(-0.5)
    assert found["both"].word == "supported"
    assert "from `sgd-half` is −10%" in sentence(found["tenth"])


def test_only_seeds_that_all_runs_have_are_compared_each_with_itself(lab: Trainings):
    for seed, value in ((0, 750.0), (1, 760.0), (9, 7.0)):
        lab.job("sgd-half", seed, value)
    found = judged(lab, it=closes("sgd-half"))["it"]
    assert found.n == {"sgd-half": 2, "sgd": 2, "baseline": 2}
    gap = math.log(1000 * 1010 / (502.5 * 497.5)) / 2
    of_each = {0: math.log(1000 / 750) / gap, 1: math.log(1010 / 760) / gap}
    assert shares(found) == pytest.approx(of_each)
    assert found.estimate == pytest.approx(np.mean([*of_each.values()]))
    assert found.method == "Fieller's interval, Welch t"
    assert found.groups[0].lacking == "seed 9 not in common with `sgd` and `baseline`"


def test_a_measure_whose_higher_side_is_better_closes_its_gap_upwards():
    kind = Closes.model_validate(
        {"run": "x", "start": "a", "goal": "b", "metric": "precision", "at_least": "50%"}
    )
    groups = [Group("x", {0: 0.5}), Group("a", {0: 0.2}), Group("b", {0: 0.6})]
    assert kind.point(groups) == pytest.approx(0.75)


def test_what_has_no_share_says_why(lab: Trainings):
    lab.scored("sgd-half", at(0.5)[:4])
    lab.job("sgd-half", 4, None, exit_="diverged", samples=None, dynamics=None)
    lab.unbegun("both")
    lab.job("sgd-tenth", 0, 800.0)
    found = judged(
        lab,
        diverged=closes("sgd-half"),
        unbegun=closes("both"),
        one=closes("sgd-tenth"),
        swapped="closes: {run: sgd-tenth, start: baseline, goal: sgd, at_least: 50%}",
    )
    assert {name: verdict.word for name, verdict in found.items()} == {
        "diverged": "refused", "unbegun": "not run", "one": "described", "swapped": "refused"
    }  # fmt: skip
    assert "`sgd-half` diverged with seed 4" in sentence(found["diverged"])
    assert "there is no gap to close" in sentence(found["swapped"])
    assert (found["one"].estimate, record(found["one"])["interval"]) == (
        pytest.approx(math.log(0.8) / math.log(0.5025)),
        None,
    )
    assert {answer_of(verdict) for verdict in found.values()} == {Answer.UNDECIDED}


def test_a_hypothesis_is_a_family_and_answers_with_its_nearest_run(lab: Trainings):
    lab.scored("sgd-half", at(0.97))
    lab.scored("sgd-tenth", at(0.0))
    lab.unbegun("both")
    found = judged(
        lab,
        near=f"family: data, {closes('sgd-half')}",
        far=f"family: data, {closes('sgd-tenth')}",
        alone=closes("both"),
        other="compare: {run: sgd, against: baseline, metric: quality, direction: lower, by: 5%}",
    )
    (ladder,) = ladders_of(list(found.values()))
    assert (ladder.start, ladder.goal) == ("sgd", "baseline")
    assert [[v.claim.name for v in h.verdicts] for h in ladder.hypotheses] == [["near", "far"], ["alone"]]
    assert [h.answer for h in ladder.hypotheses] == [Answer.YES, Answer.UNDECIDED]
    near, alone = map(hypothesis_words, ladder.hypotheses)
    assert near.startswith("“It is so”: yes. `sgd-half` closes 97% of the gap, interval 9")
    assert alone == "“It is so”: undecided. Not run: `both`."
    rows = list(ladder_rows(ladder))
    assert [row[0] for row in rows] == ["sgd", "sgd-half", "sgd-tenth", "both", "baseline"]
    assert [row[-1] for row in rows] == ["the start", "supported", "refuted", "not run", "the goal"]
    assert rows[0][2:5] == ["stalled", "5", "1,000"]


@pytest.mark.parametrize(("seeds", "rungs"), [(2, 1), (2, 4), (5, 4)])
def test_a_hypothesis_whose_runs_have_no_effect_is_hardly_ever_answered_yes_or_in_part(
    seeds: int, rungs: int
):
    """A threshold on the share itself, whatever its interval, said so in 10% of cases of two seeds and one run, and in
    27% of those with four runs."""
    rng = np.random.default_rng(seeds + rungs)
    draws = 150
    wrong = sum(
        bool({Answer.YES, Answer.IN_PART} & set(ladder_answers(rng, seeds, rungs, 0.0))) for _ in range(draws)
    )
    assert wrong / draws <= 0.058


def test_a_run_that_closes_the_gap_is_found_with_few_seeds():
    rng = np.random.default_rng(0)
    assert np.mean([Answer.YES in ladder_answers(rng, 3, 4, 1.0) for _ in range(40)]) >= 0.7


# -- the figure and the page


@pytest.fixture
def ladder(lab: Trainings) -> Ladder:
    lab.scored("sgd-half", at(0.5)[:1])
    lab.job("sgd-half", 1, 950.0, samples="noise", dynamics="stalled")
    lab.job("sgd-tenth", 0, None, exit_="diverged", samples=None, dynamics=None)
    lab.unbegun("both")
    found = judged(
        lab, half=f"family: f, {closes('sgd-half')}", tenth=f"family: f, {closes('sgd-tenth')}", both=closes("both")
    )  # fmt: skip
    (ladder,) = ladders_of(list(found.values()))
    return ladder


def test_the_chart_has_a_row_a_run_and_every_seed_in_the_colour_of_its_outcome(ladder: Ladder):
    figure = ladder_chart(ladder)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    marks = {
        float(np.asarray(line.get_xdata(), dtype=float)[0]): line.get_color()
        for line in ax.get_lines()
        if line.get_label() == "sgd-half"
    }
    (half, *_) = ladder.verdicts
    assert marks == {
        shares(half)[0]: LOOKS[Regime.WORKS].color,
        shares(half)[1]: LOOKS[Regime.STALLED].color,
    }
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert [label for label in labels if not label.startswith("“")] == ["sgd-half", "sgd-tenth"]
    texts = {text.get_text() for text in ax.texts}
    assert {"sgd", "baseline", "works and stalled", "refused", "diverges"} <= texts


def test_the_page_has_sentences_table_and_figure(ladder: Ladder):
    view = {
        "ladder": ladder,
        "words": ladder_words(ladder),
        "headings": ladder_headings(ladder, "fd_test (N = 2,000)"),
        "rows": ladder_rows(ladder),
    }
    page = template("ladder.html.j2").render(ladders=[view], figures={"ladder-sgd-baseline": "data:a"})
    assert page.count("<tr>") == 6 and "fd_test (N\u00a0=\u00a02,000)" in page
    assert "data:a" in page and "Not run: <em>both</em>." in page
    assert "<section" not in template("ladder.html.j2").render(ladders=[], figures={})


def test_a_share_without_bounds_is_drawn_to_the_edge(lab: Trainings):
    for seed, value in ((0, 900.0), (1, 600.0)):
        lab.job("sgd-half", seed, value)
    (ladder,) = ladders_of([*judged(lab, it=closes("sgd-half")).values()])
    assert math.isfinite(ladder_chart(ladder).axes[0].get_xlim()[1])
