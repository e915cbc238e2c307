"""analysis.statistics.curves: what a curve says by a step, of curves whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.curves import crossing, mean_along, trailing_median


def reached(steps, values, threshold=0.5):
    return crossing(steps[19:], trailing_median(values, 20), threshold, below=True)


def test_a_trailing_median_is_of_the_values_up_to_each_one_and_begins_where_it_is_full():
    values = np.random.default_rng(0).normal(size=50)
    expected = [np.median(values[i - 19 : i + 1]) for i in range(19, 50)]
    np.testing.assert_array_equal(trailing_median(values, 20), expected)
    assert len(trailing_median(values[:19], 20)) == 0


@pytest.mark.parametrize("length", [100, 400, 5_000, 50_000])
def test_the_step_at_which_a_curve_crosses_does_not_depend_on_its_length(length):
    steps = np.arange(1, length + 1, dtype=float)
    found = reached(steps, np.exp(-steps / 60))
    # exp(-step / 60) is 0.5 at step 41.6; the median of 20 steps is that of the tenth step before.
    assert found == pytest.approx(60 * math.log(2) + 9.5, abs=0.1)


@given(seed=st.integers(0, 1_000), end=st.integers(1, 300))
@settings(max_examples=50, deadline=None)
def test_a_curve_that_is_cut_has_crossed_where_the_whole_one_has_or_not_yet(seed, end):
    steps = np.arange(1, 301, dtype=float)
    values = np.random.default_rng(seed).normal(1, 0.4, 300).cumsum() / steps
    whole, cut = reached(steps, values, 0.95), reached(steps[:end], values[:end], 0.95)
    assert cut == (whole if whole <= end else math.inf)


def test_between_two_points_a_curve_is_a_straight_line():
    steps = np.array([0.0, 100.0, 200.0])
    assert crossing(steps, np.array([20.0, 10.0, 5.0]), 6.0, below=True) == 180
    assert crossing(steps, np.array([-20.0, -10.0, -5.0]), -6.0, below=False) == 180
    assert crossing(steps, np.array([3.0, 10.0, 5.0]), 6.0, below=True) == 0


@pytest.mark.parametrize(
    ("values", "below", "expected"),
    [([math.inf, 1.0], True, 2), ([1.0, math.inf], False, math.inf), ([1.0, 2.0], True, math.inf)],
)
def test_what_is_infinite_reaches_nothing_and_is_no_end_of_a_line(values, below, expected):
    assert (
        crossing(np.array([1.0, 2.0]), np.array(values), 1.5 if math.inf in values else 0.5, below=below)
        == expected
    )


def test_the_mean_along_a_run_is_that_of_the_logarithms_over_the_logarithm_of_the_step():
    steps = np.array([10.0, 16.0, 25.0, 40.0, 63.0, 100.0])
    assert mean_along(steps, 500 * steps**-0.5, log=True) == pytest.approx(500 * math.sqrt(10 * 100) ** -0.5)
    assert mean_along(steps, np.full(6, 7.0), log=True) == pytest.approx(7)
    assert mean_along(steps, np.log(steps), log=False) == pytest.approx(math.log(math.sqrt(10 * 100)))
    assert mean_along(steps, np.array([1.0, 0, 1, 1, 1, 1]), log=True) == 0


def test_the_points_between_need_not_be_many():
    def mean(steps):
        return mean_along(steps, 300 + 1000 * np.exp(-steps / 80), log=True)

    assert mean(np.array([10.0, 16, 25, 40, 63, 100, 160, 250, 400])) == pytest.approx(
        mean(np.arange(10.0, 401.0)), rel=0.01
    )
