"""analysis.edges: Firth's fit against its definition, its interval against a grid, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_expit
from scipy.stats import chi2

from analysis.edges import edge


def penalised(intercept, slope, x, worked):
    """l* as it is written: the log likelihood and half the log determinant of the 2x2 information."""
    log_odds = intercept + slope * x
    design = np.column_stack([np.ones_like(x), x])
    weights = np.exp(log_expit(log_odds) + log_expit(-log_odds))
    _, determinant = np.linalg.slogdet(design.T @ (weights[:, None] * design))
    return log_expit(np.where(worked, log_odds, -log_odds)).sum() + determinant / 2


def tries(seed, n=14, slope=3.0):
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(-4, 0, n))
    return x, random.random(n) < 1 / (1 + np.exp(-slope * (x + 2)))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_estimate_and_interval_are_those_of_a_grid_over_intercept_and_slope(seed):
    x, worked = tries(seed)
    found = edge(x, worked, direction="rising")
    slopes = np.geomspace(1e-3, 60, 500)
    profile = {
        name: max(penalised(-at * slope, slope, x, worked) for slope in slopes)
        for name, at in {"estimate": found.estimate, "low": found.low, "high": found.high}.items()
    }
    beside = [max(penalised(-at * s, s, x, worked) for s in slopes) for at in np.linspace(-4, 0, 41)]
    assert profile["estimate"] >= max(beside) - 1e-3
    for end in ("low", "high"):
        assert 2 * (profile["estimate"] - profile[end]) == pytest.approx(chi2.ppf(0.95, 1), abs=5e-3)


def test_two_groups_have_the_closed_form_of_jeffreys_prior():
    # A saturated 2x2 table: Firth's penalty adds 1/2 to each cell, so the log odds are log((k + ½) / (n - k + ½)).
    x = np.repeat([0.0, 1.0], [6, 8])
    worked = np.array([True] + [False] * 5 + [True] * 7 + [False])
    at_0, at_1 = math.log(1.5 / 5.5), math.log(7.5 / 1.5)
    found = edge(x, worked, direction="rising")
    assert found.slope == pytest.approx(at_1 - at_0, rel=1e-4)
    assert found.estimate == pytest.approx(-at_0 / (at_1 - at_0), rel=1e-4)
    assert found.n == (6, 8)


@pytest.mark.parametrize("n", [8, 20, 200])
def test_complete_separation_has_a_finite_edge_and_interval_around_the_gap(n):
    x = np.linspace(-4, -1, n)
    found = edge(x, x > -2.5, direction="rising")
    assert found.estimate == pytest.approx(-2.5, abs=1e-6)
    assert -4 <= found.low < x[n // 2 - 1] < x[n // 2] < found.high <= -1
    assert found.p < 0.05


def test_too_few_tries_leave_the_edge_without_bounds():
    found = edge([-4.0, -3.0, -2.0, -1.0], [False, False, True, True], direction="rising")
    assert found.estimate == pytest.approx(-2.5)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.p > 0.05


def test_a_falling_edge_is_the_mirror_image_of_a_rising_one():
    x, worked = tries(5)
    rising, falling = edge(x, worked, direction="rising"), edge(-x, worked, direction="falling")
    assert (-falling.high, -falling.estimate, -falling.low) == pytest.approx(
        (rising.low, rising.estimate, rising.high), rel=1e-6
    )
    assert falling.slope == pytest.approx(-rising.slope, rel=1e-6)


@given(seed=st.integers(0, 30), shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_the_edge_moves_with_the_units_of_x(seed, shift, scale):
    x, worked = tries(seed)
    if worked.all() or not worked.any() or x[worked].mean() <= x[~worked].mean():
        return
    plain = edge(x, worked, direction="rising")
    moved = edge(x * scale + shift, worked, direction="rising")
    expected = [value * scale + shift for value in (plain.low, plain.estimate, plain.high)]
    assert [moved.low, moved.estimate, moved.high] == pytest.approx(expected, rel=1e-3, abs=1e-3 * scale)
    assert plain.low < plain.estimate < plain.high


def test_a_wider_level_gives_a_wider_interval():
    x, worked = tries(1, n=40)
    narrow, wide = (edge(x, worked, direction="rising", level=level) for level in (0.8, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_interval_covers_the_true_edge_about_as_often_as_it_says():
    hits = total = 0
    for seed in range(100):
        x, worked = tries(seed, n=24)
        found = edge(x, worked, direction="rising")
        hits, total = hits + (found.low <= -2 <= found.high), total + 1
    assert 0.90 <= hits / total <= 0.99


@pytest.mark.parametrize(
    ("x", "worked", "words"),
    [
        pytest.param([1.0, 2.0], [True, True], "all worked: widen", id="all-worked"),
        pytest.param([1.0, 2.0], [False, False], "none worked: widen", id="none-worked"),
        pytest.param([], np.zeros(0, bool), "nothing was tried", id="empty"),
        pytest.param([1.0, math.nan], [True, False], "finite", id="nan"),
        pytest.param([-math.inf, 1.0], [True, False], "finite", id="logarithm-of-0"),
        pytest.param([1.0, 1.0], [True, False], "different", id="one-x"),
        pytest.param([1.0, 2.0], [1.0, 0.0], "booleans", id="not-booleans"),
        pytest.param([1.0, 2.0, 3.0], [True, False], r"\(N,\)", id="shapes"),
        pytest.param([1.0, 2.0, 3.0, 4.0], [True, True, False, False], "no rising edge", id="other-way"),
    ],
)
def test_what_has_no_edge_is_refused_in_words(x, worked, words):
    with pytest.raises(ValueError, match=words):
        edge(x, worked, direction="rising")
