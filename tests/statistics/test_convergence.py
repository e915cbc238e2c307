"""analysis.convergence: level, time to settle and oscillation of curves whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.convergence import convergence, smoothed

STEPS = np.arange(1, 1001)


def decay(noise=0.0, *, level=0.5, gap=4.0, time=60.0, seed=0):
    return level + gap * np.exp(-STEPS / time) + noise * np.random.default_rng(seed).normal(size=len(STEPS))


@pytest.mark.parametrize("time", [20, 60, 100])
def test_an_exponential_decay_settles_after_three_time_constants(time):
    found = convergence(STEPS, decay(time=time))
    assert found.level == pytest.approx(0.5, abs=1e-3)
    # Within 5% of the initial gap after ln 20 = 3.0 time constants; the first median is taken at step 3.
    assert found.settled_at == pytest.approx(time * math.log(20) + 3, abs=10)
    assert found.oscillation < 1e-3


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_moves_the_level_little_and_is_the_oscillation(noise):
    found = [convergence(STEPS, decay(noise, seed=seed)) for seed in range(10)]
    assert max(abs(one.level - 0.5) for one in found) < noise / 3
    assert np.mean([one.oscillation for one in found]) == pytest.approx(noise, rel=0.1)
    assert 100 <= np.median([one.settled_at for one in found]) <= 300


@pytest.mark.parametrize("spike", [1e6, -1e6, math.inf])
def test_spikes_change_hardly_anything(spike):
    plain, spiked = decay(0.1), decay(0.1)
    spiked[np.random.default_rng(1).choice(len(spiked), 50, replace=False)] = spike
    before, after = convergence(STEPS, plain), convergence(STEPS, spiked)
    assert after.level == pytest.approx(before.level, abs=0.02)
    assert after.oscillation == pytest.approx(before.oscillation, rel=0.2)
    assert after.settled_at == pytest.approx(before.settled_at, abs=40)


def test_passing_through_the_level_is_not_settling():
    values = np.where(STEPS < 100, 4.0 - 0.05 * STEPS, 0.0)
    values[100:400] = -1.0
    found = convergence(STEPS, values)
    assert 390 <= found.settled_at <= 401


def test_a_flat_noisy_curve_is_settled_near_its_start():
    settled = [convergence(STEPS, decay(0.2, gap=0.0, seed=seed)).settled_at for seed in range(20)]
    assert np.median(settled) <= 50


def test_a_curve_that_leaves_its_level_at_the_end_has_not_settled():
    values = np.full(1000, 0.5)
    values[-60:] = 3.0
    assert convergence(STEPS, values).settled_at == math.inf


def test_a_curve_that_diverges_has_an_infinite_level_and_never_settles():
    values = decay()
    values[700:] = math.inf
    found = convergence(STEPS, values)
    assert (found.level, found.settled_at, found.oscillation) == (math.inf, math.inf, math.inf)


def test_steps_may_be_logged_unevenly():
    kept = np.unique(np.geomspace(1, 1000, 200).astype(int)) - 1
    found = convergence(STEPS[kept], decay()[kept])
    assert found.level == pytest.approx(0.5, abs=1e-3)
    assert 120 <= found.settled_at <= 300


@given(scale=st.floats(0.01, 100), offset=st.floats(-100, 100), seed=st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_units_of_the_loss_change_the_levels_and_not_the_time(scale, offset, seed):
    plain = convergence(STEPS, decay(0.1, seed=seed))
    moved = convergence(STEPS * 10, decay(0.1, seed=seed) * scale + offset)
    assert moved.level == pytest.approx(plain.level * scale + offset, rel=1e-6, abs=1e-6)
    assert moved.oscillation == pytest.approx(plain.oscillation * scale, rel=1e-6)
    assert moved.settled_at == 10 * plain.settled_at


def test_smoothing_is_a_running_median_with_a_window_that_is_cut_off_at_the_ends():
    values = np.random.default_rng(0).normal(size=100)
    expected = [np.median(values[max(0, i - 2) : i + 3]) for i in range(100)]
    np.testing.assert_allclose(smoothed(values), expected)


@pytest.mark.parametrize(
    ("steps", "values", "words"),
    [
        pytest.param(np.arange(19), np.zeros(19), "19 points", id="too-few"),
        pytest.param(np.zeros(20), np.zeros(20), "rise", id="same-step"),
        pytest.param(np.arange(20)[::-1], np.zeros(20), "rise", id="falling-steps"),
        pytest.param(np.arange(20), np.r_[np.zeros(19), np.nan], "NaN", id="nan"),
        pytest.param(np.arange(20), np.zeros(21), r"\(n,\)", id="shapes"),
    ],
)
def test_what_is_no_curve_is_refused_in_words(steps, values, words):
    with pytest.raises(ValueError, match=words):
        convergence(steps, values)
