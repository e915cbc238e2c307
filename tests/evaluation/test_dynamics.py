"""fakeface.evaluation.dynamics: who won, who stalled, since when, and what must not fool it."""

import numpy as np
import pytest

from fakeface.config import TrainingConfig
from fakeface.evaluation.dynamics import diagnose_dynamics
from fakeface.gan.objective import declaration

STEPS = 400


def series(steps=STEPS, *, loss_d=0.5, accuracy=0.96, ratio_g=4e-3, ratio_d=3e-3):
    """A training with noisy values around those given, each a number or one per step; ratios every tenth step."""
    random = np.random.default_rng(0)
    at = np.arange(1, steps + 1)

    def noisy(value):
        return np.broadcast_to(value, steps) * random.lognormal(0, 0.3, steps)

    return {
        "Loss_D": (at, noisy(loss_d)),
        "Loss_G": (at, noisy(2.0)),
        "accuracy_real": (at, np.broadcast_to(accuracy, steps).astype(float)),
        "accuracy_fake": (at, np.broadcast_to(accuracy, steps).astype(float)),
        "update_ratio_G": (at[9::10], noisy(ratio_g)[9::10]),
        "update_ratio_D": (at[9::10], noisy(ratio_d)[9::10]),
    }


@pytest.mark.parametrize(
    ("loss", "label"),
    [("non-saturating", "discriminator-won"), ("wasserstein", "balanced"), ("hinge", "balanced")],
)
def test_a_discriminator_wins_by_the_level_that_its_loss_declares(loss, label):
    ahead = series(loss_d=1e-3, accuracy=1.0)
    found = diagnose_dynamics(ahead, declaration(TrainingConfig(loss=loss)))
    assert found.label == label
    assert ("does not show whether the discriminator has won" in found.evidence) == (label == "balanced")


def test_smoothing_moves_the_level_and_a_penalty_does_not_count():
    smoothed = declaration(TrainingConfig(loss={"options": {"smoothing": 0.1}}))
    ahead = series(loss_d=0.34, accuracy=1.0)  # the entropy of the target 0.9 is 0.325
    ahead["Loss_D"] = (ahead["Loss_D"][0], np.full(STEPS, 0.34))
    assert diagnose_dynamics(ahead, smoothed).label == "discriminator-won"
    assert diagnose_dynamics(ahead).label == "balanced"
    parts = {name: (ahead["Loss_D"][0], np.full(STEPS, 0.01)) for name in ("Loss_D_real", "Loss_D_fake")}
    assert diagnose_dynamics(ahead | parts).label == "discriminator-won"


def since(step, before, after, steps=STEPS):
    return np.where(np.arange(1, steps + 1) < step, before, after)


def test_an_ordinary_training_is_balanced():
    ordinary = series()
    found = diagnose_dynamics(ordinary)
    assert (found.label, found.onset) == ("balanced", None)
    assert f"Loss_D is {np.median(ordinary['Loss_D'][1][200:]):.2f}" in found.evidence


def test_the_reports_sgd_is_stalled_from_the_start():
    # SGD at 2e-4 without momentum, real faces at 32x32, 400 steps: what was measured.
    loss = np.interp(np.arange(STEPS), [0, 100, 400], [1.5, 0.65, 0.45])
    found = diagnose_dynamics(series(loss_d=loss, accuracy=0.97, ratio_g=1.1e-4, ratio_d=6e-5))
    assert found.label == "stalled"
    assert found.onset == 10
    assert "the generator hardly moves" in found.evidence
    assert "the discriminator hardly moves" in found.evidence


@pytest.mark.parametrize(("network", "name"), [("ratio_g", "generator"), ("ratio_d", "discriminator")])
def test_a_stalled_network_is_named(network, name):
    found = diagnose_dynamics(series(**{network: 1e-5}))
    assert found.label == "stalled"
    assert f"the {name} hardly moves" in found.evidence
    assert found.evidence.count("hardly moves") == 1


def test_a_network_that_comes_to_rest_is_stalled_since_then():
    found = diagnose_dynamics(series(ratio_g=since(150, 5e-3, 1e-5)))
    assert found.label == "stalled"
    assert found.onset == pytest.approx(150, abs=10)


def test_the_end_of_a_schedule_is_no_stall():
    assert (
        diagnose_dynamics(series(ratio_g=since(330, 5e-3, 1e-5), ratio_d=since(330, 5e-3, 1e-5))).label
        == "balanced"
    )


def test_the_slow_start_of_a_warm_up_is_no_stall():
    assert diagnose_dynamics(series(ratio_g=since(250, 1e-5, 5e-3))).label == "balanced"


def test_one_large_update_does_not_hide_a_stall():
    ratio = since(0, 0, 1e-5)
    ratio[199] = 0.5
    assert diagnose_dynamics(series(ratio_g=ratio)).label == "stalled"


@pytest.mark.parametrize(
    ("steps", "rate", "label"),
    [
        (400, 1.1e-4, "stalled"),
        (1_000, 1.1e-4, "stalled"),
        (4_000, 1.1e-4, "balanced"),
        (100_000, 4e-4, "balanced"),
    ],
)
def test_slow_steps_that_add_up_are_no_stall(steps, rate, label):
    assert diagnose_dynamics(series(steps, ratio_g=rate, ratio_d=rate)).label == label


def test_a_network_that_rests_after_a_long_way_is_stalled_since_then():
    at_rest = since(50_000, 4e-4, 1e-9, steps=100_000)
    found = diagnose_dynamics(series(100_000, ratio_g=at_rest))
    assert found.label == "stalled"


def test_a_training_that_is_not_over_is_judged_by_how_far_it_would_move_like_this():
    slow = series(300, ratio_g=1.1e-4, ratio_d=1.1e-4)
    assert diagnose_dynamics(slow).label == "stalled"
    assert diagnose_dynamics(slow, total_steps=1_000).label == "stalled"
    assert diagnose_dynamics(slow, total_steps=4_000).label == "balanced"


def test_a_discriminator_that_separates_perfectly_to_the_end_has_won():
    won = series(loss_d=since(100, 0.6, 1e-4), accuracy=since(100, 0.95, 1.0))
    found = diagnose_dynamics(won)
    assert found.label == "discriminator-won"
    assert found.onset == pytest.approx(100, abs=10)
    assert f"Loss_D is {np.median(won['Loss_D'][1][found.onset - 1 :]):.2g}" in found.evidence


def test_a_discriminator_at_rest_because_it_won_is_not_stalled():
    found = diagnose_dynamics(
        series(loss_d=since(60, 0.6, 3e-5), accuracy=since(60, 0.95, 1.0), ratio_d=since(40, 3e-3, 4e-5))
    )
    assert found.label == "discriminator-won"
    assert "hardly moves" not in found.evidence


def test_of_a_stall_and_a_win_the_earlier_is_the_label_and_both_are_named():
    found = diagnose_dynamics(
        series(loss_d=since(200, 0.6, 1e-3), accuracy=since(200, 0.97, 1.0), ratio_g=1e-4, ratio_d=1e-4)
    )
    assert found.label == "stalled"
    assert found.onset == 10
    assert "the discriminator errs on hardly any image" in found.evidence


def test_spikes_do_not_end_a_win():
    loss = since(100, 0.6, 1e-4)
    loss[[150, 250, 251, 398, 399]] = 5.0
    found = diagnose_dynamics(series(loss_d=loss, accuracy=since(100, 0.95, 1.0)))
    assert found.label == "discriminator-won"
    assert found.onset == pytest.approx(100, abs=10)


@pytest.mark.parametrize(
    "loss",
    [since(120, 1e-4, 0.6), since(395, 0.6, 1e-4), np.where(np.arange(STEPS) % 97 < 3, 1e-4, 0.6)],
    ids=["early-phase", "last-steps", "spikes"],
)
def test_a_phase_or_spikes_of_a_perfect_discriminator_are_no_win(loss):
    accuracy = np.where(loss < 0.1, 1.0, 0.95)
    assert diagnose_dynamics(series(loss_d=loss, accuracy=accuracy)).label == "balanced"


def test_a_small_loss_with_errors_is_no_win():
    assert diagnose_dynamics(series(loss_d=0.02, accuracy=0.9)).label == "balanced"


@pytest.mark.parametrize("first_nan", [1, 250])
def test_nan_is_named_with_its_step_and_does_not_crash(first_nan):
    diverged = {
        name: (steps, np.where(steps >= first_nan, np.nan, values))
        for name, (steps, values) in series().items()
    }
    found = diagnose_dynamics(diverged)
    assert found.label == "balanced"
    assert f"training diverged: Loss_D is not finite at step {first_nan}" in found.evidence


@pytest.mark.parametrize("steps", [1, 2, 9, 20])
def test_a_training_of_a_few_steps_is_judged_without_a_crash(steps):
    assert diagnose_dynamics(series(steps)).label == "balanced"


def test_lists_will_do_for_series():
    as_lists = {name: (list(at), list(values)) for name, (at, values) in series().items()}
    assert diagnose_dynamics(as_lists) == diagnose_dynamics(series())
