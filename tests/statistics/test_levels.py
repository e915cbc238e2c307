"""analysis.statistics.levels: level and oscillation of curves whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.levels import level_of, smoothed

STEPS = np.arange(1, 1001)


def decay(noise=0.0, *, level=0.5, gap=4.0, time=60.0, seed=0):
    return level + gap * np.exp(-STEPS / time) + noise * np.random.default_rng(seed).normal(size=len(STEPS))


@pytest.mark.parametrize("time", [20, 60, 100])
def test_an_exponential_decay_ends_at_its_level_without_oscillation(time):
    found = level_of(STEPS, decay(time=time))
    assert found.level == pytest.approx(0.5, abs=1e-3)
    assert found.oscillation < 1e-3


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_moves_the_level_little_and_is_the_oscillation(noise):
    found = [level_of(STEPS, decay(noise, seed=seed)) for seed in range(10)]
    assert max(abs(one.level - 0.5) for one in found) < noise / 3
    assert np.mean([one.oscillation for one in found]) == pytest.approx(noise, rel=0.1)


@pytest.mark.parametrize("spike", [1e6, -1e6, math.inf])
def test_spikes_change_hardly_anything(spike):
    plain, spiked = decay(0.1), decay(0.1)
    spiked[np.random.default_rng(1).choice(len(spiked), 50, replace=False)] = spike
    before, after = level_of(STEPS, plain), level_of(STEPS, spiked)
    assert after.level == pytest.approx(before.level, abs=0.02)
    assert after.oscillation == pytest.approx(before.oscillation, rel=0.2)


def test_a_curve_that_diverges_has_an_infinite_level():
    values = decay()
    values[700:] = math.inf
    found = level_of(STEPS, values)
    assert (found.level, found.oscillation) == (math.inf, math.inf)


def test_steps_may_be_logged_unevenly():
    kept = np.unique(np.geomspace(1, 1000, 200).astype(int)) - 1
    assert level_of(STEPS[kept], decay()[kept]).level == pytest.approx(0.5, abs=1e-3)


@given(scale=st.floats(0.01, 100), offset=st.floats(-100, 100), seed=st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_level_and_oscillation_are_in_the_units_of_the_loss(scale, offset, seed):
    plain = level_of(STEPS, decay(0.1, seed=seed))
    moved = level_of(STEPS * 10, decay(0.1, seed=seed) * scale + offset)
    assert moved.level == pytest.approx(plain.level * scale + offset, rel=1e-6, abs=1e-6)
    assert moved.oscillation == pytest.approx(plain.oscillation * scale, rel=1e-6)


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
        level_of(steps, values)
