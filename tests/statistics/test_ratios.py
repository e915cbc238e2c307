"""Fieller's interval of a share of a gap: against its closed form, its duality with the test, and known truths."""

import math

import numpy as np
import pytest
import scipy.stats

from analysis.statistics import ratio

STEP, GAP = (-1.0, 1.0, 0.0), (0.0, 1.0, -1.0)
"""Contrasts of (run, start, goal): what the step gains, and what there is to gain."""


def groups(n, *, share=0.5, spread=30.0, seed=0, correlation=0.0):
    """Values (n,) of run, start and goal, whose gap is 500."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=n), rng.normal(size=(3, n))
    noise = spread * (math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own)
    return np.array([[1000 - 500 * share], [1000], [500]]) + noise


@pytest.mark.parametrize("n", [5, 8])
def test_paired_it_is_fiellers_quadratic(n):
    run, start, goal = groups(n)
    found = ratio([run, start, goal], STEP, GAP, paired=True)
    u, w, t = start - run, start - goal, scipy.stats.t.ppf(0.975, n - 1)
    (uu, uw), (_, ww) = np.cov(u, w) / n
    roots = np.roots(
        [w.mean() ** 2 - t**2 * ww, -2 * (u.mean() * w.mean() - t**2 * uw), u.mean() ** 2 - t**2 * uu]
    )
    assert (found.low, found.high) == pytest.approx(tuple(sorted(roots)), abs=1e-7)
    assert found.estimate == pytest.approx(u.mean() / w.mean())
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(u, 0).pvalue)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("paired", [True, False])
def test_interval_and_tails_say_the_same(seed, paired):
    found = ratio(groups(2 + seed % 4, share=0.3, spread=60.0, seed=seed), STEP, GAP, paired=paired)
    for at in np.linspace(-1, 2, 13):
        below, above = found.tails(at)
        assert (2 * below <= 0.05 + 1e-9) == (found.high < at)
        assert (2 * above <= 0.05 + 1e-9) == (found.low > at)


def test_a_gap_that_is_not_shown_bounds_nothing_and_one_the_wrong_way_round_is_refused():
    run, start, goal = np.array([[800, 700, 900], [1000, 400, 1200], [500, 600, 300]])
    found = ratio([run, start, goal], STEP, GAP, paired=False)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert min(found.tails(0.9)) > 0.025
    with pytest.raises(ValueError, match="no share of it can be closed"):
        ratio([run, goal - 1000, start], STEP, GAP, paired=False)


def test_values_without_any_spread_decide_nothing():
    found = ratio([[5.0, 5.0], [10.0, 10.0], [0.0, 0.0]], STEP, GAP, paired=False)
    assert (found.estimate, found.low, found.high) == (0.5, -math.inf, math.inf)
    assert found.power(0.2, 50) == 0.0


@pytest.mark.parametrize(("n", "paired"), [(2, False), (3, False), (5, True)])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_intervals_cover_as_they_say(n, paired, correlation):
    found = [
        ratio(groups(n, seed=seed, correlation=correlation), STEP, GAP, paired=paired) for seed in range(100)
    ]
    assert np.mean([one.low <= 0.5 <= one.high for one in found]) >= 0.9
