"""One number of each training: the summary of a series, or a measure at the end."""

import math
from typing import Any

import pytest

from analysis.claims._base import CannotCompare
from analysis.claims.metrics import Metric, parse_metric
from analysis.claims.values import values_of
from fakeface.outcomes import Regime
from tests.claim_journals import BASE, STEPS, Trainings, falling

INF = math.inf


def test_convergence_is_read_off_the_losses(lab: Trainings):
    for seed in range(3):
        lab.job("sgd", seed, loss_d=falling(0.5, settled=40), loss_g=falling(3.0, settled=150))
    frames = lab.frames()
    level = values_of(frames, ["sgd"], Metric("converged", "Loss_D"))[0].values
    assert level[0] == pytest.approx(0.5, rel=0.01)
    early = values_of(frames, ["sgd"], Metric("steps-to-converge", "Loss_D"))[0].values[0]
    late = values_of(frames, ["sgd"], Metric("steps-to-converge", "Loss_G"))[0].values[0]
    assert 30 < early < 50 < 120 < late < 160
    assert values_of(frames, ["sgd"], Metric("final", "D(x)"))[0].values == {0: 0.7, 1: 0.7, 2: 0.7}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric("reached", "Loss_D", 0.9, "below"), pytest.approx(36, abs=3)),
        (Metric("reached", "Loss_D", 0.1, "below"), INF),
        (Metric("reached", "quality", 120.0, "below"), STEPS),
        (Metric("reached", "quality", 50.0, "below"), INF),
    ],
)
def test_a_threshold_is_reached_at_the_first_step_beyond_it_or_never(
    lab: Trainings, metric: Metric, expected: Any
):
    lab.job("sgd", 0, 100.0, loss_d=falling(0.5, settled=65))
    assert values_of(lab.frames(), ["sgd"], metric)[0].values[0] == expected


@pytest.mark.parametrize("metric", [Metric("", "quality"), Metric("reached", "quality", 50.0, "below")])
def test_a_training_without_any_score_has_no_value_and_says_so(lab: Trainings, metric: Metric):
    lab.job("sgd", 0, None)
    (group,) = values_of(lab.frames(), ["sgd"], metric)
    assert (group.values, *group.missing.values()) == ({}, [0])


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
