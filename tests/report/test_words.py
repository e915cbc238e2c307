"""The headline, the summary and the table's cells, from rows."""

import math
from typing import Any

import pytest

from analysis.report.table import Row, headings, last_step
from analysis.report.words import caution, headline, run_outcome, summary
from fakeface.outcomes import Dynamics, Exit, Samples

NAME = "fd_test (N = 2,000)"


def row(run: str, samples: str | None = Samples.HEALTHY, **fields: Any) -> Row:
    known: dict[str, Any] = {
        "seed": 0, "exit": Exit.FINISHED, "dynamics": Dynamics.BALANCED, "evidence": {}, "changes": {}, "loss_d": 0.25,
        "loss_g": 4.0, "d_x": None, "d_g_z": None, "quality": 10.0, "steps": 3, "total_steps": 3, "minutes": 0.5,
    }  # fmt: skip
    return Row(run=run, samples=samples, **known | fields)


def unended(run: str, exit_: str) -> Row:
    return row(run, None, exit=exit_, dynamics=None)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [row("base"), row("sgd", "noise"), row("both", "noise"), unended("later", "new")],
            "Of 4 runs, `base` makes healthy samples; `sgd` and `both` end in noise; `later` has not begun",
        ),
        (
            [row("a"), row("a", "noise", seed=1)],
            "The run `a` differs between seeds (1 × healthy; 1 × noise)",
        ),
        (
            [row("a"), unended("a", "interrupted"), row("b", "noise"), unended("b", "new")],
            "Of 2 runs, `a` makes healthy samples; `b` ends in noise",
        ),
        ([row(f"r{index}", "noise") for index in range(5)], "All 5 runs end in noise"),
        ([unended("a", "crashed"), row("b", "collapsed")], "Of 2 runs, `b` collapses; `a` crashed"),
    ],
)
def test_the_headline_has_the_outcome_of_each_run(rows: list[Row], text: str):
    assert headline(rows) == text


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [row("a", quality=30.0), row("a", seed=1, quality=40.0), row("b", quality=5.0),
             row("b", seed=1, quality=math.nan)],
            "4 jobs of 2 runs and 2 seeds, all finished. The Fréchet distance to the real images, "
            f"{NAME}, runs from 30.0–40.0 for `a` to 5.000 for `b`; lower is better. Scores that are not finite rank "
            "last: `b`.",
        ),
        (
            [row("a"), row("b", None, exit="new", dynamics=None, quality=None)],
            "2 jobs of 2 runs and 1 seed: 1 finished and 1 not begun. The Fréchet distance to the real images, "
            f"{NAME}, is 10.0 for `a`; lower is better.",
        ),
    ],
)  # fmt: skip
def test_the_summary_has_the_best_and_the_worst_run(rows: list[Row], text: str):
    assert summary(rows, NAME) == text


def test_a_summary_without_scores_says_so():
    assert summary([row("a", quality=None)], NAME).endswith(f"No finite {NAME} has been recorded.")


def test_one_seed_is_described_and_not_judged():
    one = [row("a"), row("b")]
    assert "not judged" in caution(one)
    assert caution([*one, row("a", seed=1), row("b", seed=1)]) == caution(one[:1]) == ""


def test_a_run_s_outcome_counts_its_seeds_where_they_differ():
    rows = [row("a"), row("a", seed=1), row("a", "noise", seed=2)]
    assert run_outcome(rows[:1]) == "finished, healthy, balanced"
    assert run_outcome(rows[:2]) == "finished, healthy, balanced (2 seeds)"
    assert run_outcome(rows) == "2 × finished, healthy, balanced; 1 × finished, noise, balanced"


def test_cells_stand_under_their_headings():
    cells = dict(zip(headings(NAME), row("a").cells(), strict=True))
    assert cells == {
        "run": "a", "seed": "0", "outcome": "finished · healthy · balanced", "Loss_D": "0.250", "Loss_G": "4.000",
        "D(x)": "–", "D(G(z))": "–", NAME: "10.0", "steps": "3", "minutes": "0.5",
    }  # fmt: skip
    early = [row("a", steps=1, total_steps=1200), unended("b", "new")]
    assert early[0].cells()[-2] == "1 of 1,200" and last_step(early) == 1200
    assert early[1].cells()[2] == "new"
