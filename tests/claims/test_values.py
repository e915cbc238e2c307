"""One number of each training: the summary of a series, or a measure at the end."""

import math
from typing import Any

import numpy as np
import pytest

from ablations.store.journal import Journal
from analysis.claims._base import CannotCompare
from analysis.claims.metrics import Metric, parse_metric
from analysis.claims.values import values_of
from analysis.statistics.curves import mean_along
from fakeface.outcomes import Regime
from tests.analysis_journals import score_along
from tests.claim_journals import BASE, STEPS, Trainings, compare, falling, judged

INF = math.inf


SPACED = (0, 10, 16, 25, 40, 63, 100, 160)
DOWN = {step: 1000.0 - 4 * step for step in (*SPACED, STEPS)}
"""Scores along a run that falls from 1,000 to 200."""


def value(lab: Trainings, text: str, run: str = "sgd") -> Any:
    """The value of the first seed of a run, or the reason why there is none."""
    (group,) = values_of(lab.frames(), [run], parse_metric(text))
    return group.values.get(0, next(iter(group.missing), None))


def test_levels_are_read_off_the_losses(lab: Trainings):
    for seed in range(3):
        lab.job("sgd", seed, loss_d=falling(0.5, settled=40), loss_g=falling(3.0, settled=150))
    frames = lab.frames()
    assert values_of(frames, ["sgd"], Metric("converged", "Loss_D"))[0].values[0] == pytest.approx(
        0.5, rel=0.01
    )
    assert values_of(frames, ["sgd"], Metric("final", "D(x)"))[0].values == {0: 0.7, 1: 0.7, 2: 0.7}


def test_a_series_at_a_step_is_the_median_of_its_last_20_values(lab: Trainings):
    lab.job("sgd", 0, loss_d=list(range(STEPS)))
    assert value(lab, "Loss_D at 50") == np.median(range(30, 50))
    assert value(lab, f"Loss_D at {STEPS}") == STEPS - 10.5
    with pytest.raises(CannotCompare, match="trains for 200 steps, and Loss_D at 201 is about step 201"):
        value(lab, f"Loss_D at {STEPS + 1}")


def test_a_training_that_diverged_has_the_value_of_a_step_before_and_ranks_last_at_one_after(lab: Trainings):
    losses = [*range(90), math.nan]
    failed = {"exit_": "diverged", "samples": None, "dynamics": None}
    along = {step: value for step, value in DOWN.items() if step < 91}
    lab.job("sgd", 0, None, loss_d=losses, loss_g=losses, along=along, **failed)
    assert value(lab, "Loss_D at 50") == np.median(range(30, 50))
    assert value(lab, "D(x) at 50") == 0.7
    assert value(lab, "Loss_D at 100") == INF
    assert (value(lab, "best quality at 80"), value(lab, "best quality"), value(lab, "area quality at 100")) == (
        DOWN[63], INF, INF
    )  # fmt: skip
    with pytest.raises(CannotCompare, match="diverged with seed 0 and has no D\\(x\\) at 100"):
        value(lab, "D(x) at 100")


def test_best_and_mean_along_a_run_are_of_the_scores_by_a_step_that_trainings_of_all_lengths_have(
    lab: Trainings,
):
    lab.job("sgd", 0, along=DOWN)
    assert value(lab, "best quality") == DOWN[STEPS]
    assert value(lab, "best quality at 199") == value(lab, f"best quality at {STEPS}") == DOWN[160]
    steps = np.array(SPACED[1:], dtype=float)
    assert value(lab, "area quality at 160") == mean_along(steps, 1000 - 4 * steps, log=True)
    assert DOWN[STEPS] < value(lab, "area quality") < value(lab, "area quality at 160") < DOWN[10]


def test_a_mean_along_a_run_needs_all_of_its_scores_and_says_how_many_are_lacking(lab: Trainings):
    lab.job("sgd", 0, along={step: value for step, value in DOWN.items() if step != 40})
    assert value(lab, "best quality at 39") == DOWN[25]
    assert value(lab, "area quality").startswith(
        "without 1 of 9 scores along the run under the protocol asked for"
    )
    lab.job("baseline", 0)
    assert value(lab, "area quality", "baseline").startswith("without 9 of 9 scores")
    assert "`ablate run --rerun`" in value(lab, "area quality", "baseline")


@pytest.mark.parametrize("text", ["area quality", "best quality"])
def test_runs_of_several_lengths_are_compared_by_a_step_only(lab: Trainings, text: str):
    lab.job("sgd", 0, along=DOWN)
    lab.job(
        "baseline",
        0,
        along=dict.fromkeys((*SPACED, 180), 5.0),
        loss_d=[1.0] * 180,
        loss_g=[1.0] * 180,
        steps=180,
    )
    frames = lab.frames()
    with pytest.raises(
        CannotCompare, match=rf"200 steps of `sgd` and 180 steps of `baseline`.*`{text} at 180`"
    ):
        values_of(frames, ["sgd", "baseline"], parse_metric(text))
    assert len(values_of(frames, ["sgd", "baseline"], parse_metric(f"{text} at 180"))) == 2
    with pytest.raises(CannotCompare, match="may yet get there"):
        values_of(frames, ["sgd", "baseline"], Metric("reached", "quality", threshold=6.0, side="below"))


def reached(of: str, below: float, **more: Any) -> Metric:
    return Metric("reached", of, threshold=below, side="below", **more)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        # The loss is 0.9 at step 36; the median of 20 steps is 10 steps behind.
        (reached("Loss_D", 0.9), pytest.approx(46, abs=3)),
        (reached("Loss_D", 0.1), INF),
        (reached("quality", 700.0), 75),
        (reached("quality", 50.0), INF),
    ],
)
def test_a_threshold_is_reached_at_the_first_step_beyond_it_or_never(
    lab: Trainings, metric: Metric, expected: Any
):
    lab.job("sgd", 0, 100.0, loss_d=falling(0.5, settled=65), along=DOWN)
    assert values_of(lab.frames(), ["sgd"], metric)[0].values[0] == expected


def test_a_threshold_that_is_a_share_of_an_untrained_generators_score_is_the_same_for_both_runs(
    lab: Trainings,
):
    for seed, first in enumerate((900.0, 1100.0)):
        lab.job("baseline", seed, along=DOWN | {0: first})
        lab.job("sgd", seed, along=DOWN | {0: 4000.0})
    metric = reached("quality", 0.7, untrained="baseline")
    groups = values_of(lab.frames(), ["sgd", "baseline"], metric)
    assert [group.values for group in groups] == [{0: 75, 1: 75}] * 2, "70% of 1,000, the mean over seeds"
    lab.job("both", 0)
    with pytest.raises(CannotCompare, match="no seed of `both` has a score before its first step"):
        values_of(lab.frames(), ["both"], reached("quality", 0.7, untrained="both"))


@pytest.mark.parametrize("metric", [Metric("", "quality"), reached("quality", 50.0)])
def test_a_training_without_any_score_has_no_value_and_says_so(lab: Trainings, metric: Metric):
    lab.job("sgd", 0, None)
    (group,) = values_of(lab.frames(), ["sgd"], metric)
    assert (group.values, *group.missing.values()) == ({}, [0])


def test_scores_along_the_runs_of_several_protocols_are_refused(lab: Trainings):
    lab.job("sgd", 0)
    with Journal(lab.folder / "sgd-0" / "journal.jsonl") as journal:
        score_along(journal, DOWN, protocol="dd")
    lab.job("baseline", 0, along=DOWN)
    frames = lab.frames()
    with pytest.raises(CannotCompare, match="are not scored alike"):
        values_of(frames, ["sgd", "baseline"], parse_metric("area quality"))
    assert len(values_of(frames, ["sgd", "baseline"], Metric("", "quality"))) == 2


def test_values_of_a_mixture_of_data_sets_are_refused(lab: Trainings):
    lab.scored("baseline", BASE)
    frames = lab.frames()
    frames.jobs.loc[0, "data_digest"] = "other"
    with pytest.raises(CannotCompare, match="data other against dd"):
        values_of(frames, ["baseline"], Metric("", "quality"))


MEASURED = {"kd_test": 0.25, "precision_test": 0.5, "recall_test": 0.125, "fd_test_infinity": 90.0}


@pytest.mark.parametrize(
    ("text", "value", "last"),
    [("kd", 0.25, INF), ("precision", 0.5, -INF), ("recall", 0.125, -INF), ("fd_infinity", 90.0, INF)],
)
def test_every_measure_of_the_last_score_has_values_and_a_diverged_training_is_on_its_worse_side(
    lab: Trainings, text: str, value: float, last: float
):
    lab.job("sgd", 0, measures=MEASURED)
    lab.job("sgd", 1, measures=dict.fromkeys(MEASURED, math.nan))
    lab.job("sgd", 2, None, exit_="diverged", samples=None, dynamics=None)
    lab.job("sgd", 3)
    group = values_of(lab.frames(), ["sgd"], parse_metric(text))[0]
    assert group.values == {0: value, 1: last, 2: last}
    assert group.missing == {f"scored without {text} (`ablate run` scores kept weights again)": [3]}
    assert group.regimes[0] is Regime.WORKS and group.regimes[2] is Regime.DIVERGED


def test_a_training_whose_journal_is_damaged_is_missing_and_stops_no_comparison(lab: Trainings):
    lab.scored("baseline", BASE, along=DOWN)
    lab.scored("sgd", BASE, along=DOWN)
    (lab.folder / "sgd-1" / "journal.jsonl").write_bytes(b"00000000 {}\n")
    verdict = judged(lab, it=compare("same", "within: 20%", "area quality"))["it"]
    assert verdict.n == {"sgd": 4, "baseline": 5}
    assert verdict.groups[0].lacking == "seed 1 unreadable"
