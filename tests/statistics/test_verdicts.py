"""analysis.statistics: verdicts, families of them, and how many seeds they need."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import (
    Region,
    difference,
    further_seeds,
    holm,
    judge,
    share,
    share_difference,
    shift,
)
from analysis.statistics.means import power_within
from tests.statistics.groups import INF, higher_by, lower_by, normal, within


@pytest.mark.parametrize(
    ("centre", "region", "verdict"),
    [
        pytest.param(-5.0, lower_by(1.0), "supported", id="lower"),
        pytest.param(5.0, lower_by(1.0), "refuted", id="higher-refutes-lower"),
        pytest.param(0.0, lower_by(3.0), "refuted", id="equal-refutes-lower-by-much"),
        pytest.param(-1.0, lower_by(1.0), "undecided", id="on-the-margin"),
        pytest.param(5.0, higher_by(1.0), "supported", id="higher"),
        pytest.param(0.0, within(3.0), "supported", id="same"),
        pytest.param(5.0, within(3.0), "refuted", id="above-refutes-same"),
        pytest.param(-5.0, within(3.0), "refuted", id="below-refutes-same"),
        pytest.param(0.0, within(0.1), "undecided", id="same-within-too-little"),
    ],
)
def test_verdict_by_where_the_interval_lies(centre, region, verdict):
    values = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    found = judge(difference(values + centre, values * 0.8, paired=False), region)
    assert found.verdict == verdict
    assert (found.p <= 0.05) == (verdict != "undecided")


@given(
    seed=st.integers(0, 500),
    low=st.floats(-3, 0),
    width=st.floats(0.1, 5),
    n=st.integers(2, 8),
    failed=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_verdict_p_and_interval_agree(seed, low, width, n, failed):
    a = normal(n, seed=seed)
    if failed:
        a[-1] = INF
    effect, region = difference(a, normal(n, seed=seed + 1), paired=False), Region(low, low + width)
    found = judge(effect, region)
    inside = effect.low > region.low and effect.high < region.high
    outside = effect.high < region.low or effect.low > region.high
    assert found.verdict == ("supported" if inside else "refuted" if outside else "undecided")
    assert (found.p <= 0.05 + 1e-12) == (inside or outside)


def test_p_of_equivalence_is_twice_the_larger_of_the_two_one_sided_ones():
    a, b = normal(8), normal(8, seed=1)
    tests = [
        scipy.stats.ttest_ind(a + 3, b, equal_var=False, alternative="greater").pvalue,
        scipy.stats.ttest_ind(a - 3, b, equal_var=False, alternative="less").pvalue,
    ]
    assert judge(difference(a, b, paired=False), within(3.0)).p == pytest.approx(2 * max(tests))


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("truth", ["lower", "same", "lower-failed", "same-failed"])
def test_false_support_with_the_truth_at_the_margin_stays_rare(n, truth):
    random = np.random.default_rng(n)
    supported = 0
    for _ in range(400):
        a, b = random.normal(-1.0, 1.0, n), random.normal(0.0, 1.0, n)
        if truth.endswith("failed"):
            a[random.random(n) < 0.2], b[random.random(n) < 0.2] = INF, INF
        region = within(1.0) if truth.startswith("same") else lower_by(1.0)
        supported += judge(difference(a, b, paired=False), region).verdict == "supported"
    assert supported / 400 <= 0.058


# ---------------------------------------------------------------------------------------------- families


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferronis_and_keeps_the_order(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


# ------------------------------------------------------------------------------------------ further seeds


def test_further_seeds_are_as_many_as_the_noncentral_t_says():
    values = np.array([-1.0, 0.0, 1.0])
    effect = difference(values - 1.0, values, paired=False)
    needed = 3 + further_seeds(effect, lower_by(0.0))

    # Of two groups of n with equal spreads, whose degrees of freedom are known here.
    def power(n):
        critical = scipy.stats.t.ppf(0.975, 2 * n - 2)
        return scipy.stats.nct.sf(critical, 2 * n - 2, math.sqrt(n / 2))

    assert power(needed + 1) >= 0.8 > power(needed - 2)


@pytest.mark.parametrize("n", [3, 4, 10])
@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.5), (0.9, 0.1), (0.25, 0.25, 0.25, 0.25)])
@pytest.mark.parametrize("ends", [(-4.0, INF), (-3.0, 5.0)])
def test_the_power_of_a_contrast_is_that_of_simulations(n, shares, ends):
    """With the degrees of freedom that Welch's test estimates each time."""
    random = np.random.default_rng(n)
    parts = np.array(shares) * random.chisquare(n - 1, (40_000, len(shares))) / (n - 1)
    variance = parts.sum(axis=1)
    df = (n - 1) * variance**2 / (parts**2).sum(axis=1)
    half, estimates = scipy.stats.t.ppf(0.975, df) * np.sqrt(variance), random.normal(size=len(variance))
    inside = (estimates - half > ends[0]) & (estimates + half < ends[1])
    assert power_within(*ends, n, shares, 0.95) == pytest.approx(inside.mean(), abs=0.01)


def test_a_paired_power_is_the_noncentral_t():
    for n, scores in ((3, 5.0), (5, 3.0), (20, 3.0)):
        exact = scipy.stats.nct.sf(scipy.stats.t.ppf(0.975, n - 1), n - 1, scores)
        assert power_within(-scores, INF, n, (1.0,), 0.95) == pytest.approx(exact, abs=0.003)


@pytest.mark.parametrize("region", [lower_by(1.0), higher_by(1.0), within(9.0)])
@pytest.mark.parametrize("paired", [False, True])
def test_what_is_detectable_has_the_power(region, paired):
    effect = difference(normal(6), normal(6, seed=1), paired=paired)
    found = effect.detectable(region, 6, 0.8)
    truth = found.low if math.isfinite(found.low) else found.high
    assert replace(effect, estimate=truth).contained(region, 6) == pytest.approx(0.8, abs=1e-3)
    assert effect.detectable(within(0.5), 6, 0.8) is None


def test_an_estimate_nearer_the_margin_needs_more_seeds_until_none_will_do():
    values = np.array([-1.0, 0.0, 1.0])
    needed = [
        further_seeds(difference(values - gap, values, paired=False), lower_by(0.0)) for gap in (2, 1, 0.5, 0)
    ]
    assert needed[:3] == sorted(needed[:3])
    assert needed[0] >= 1
    assert needed[3] is None


@pytest.mark.parametrize(
    ("effect", "region", "least", "most"),
    [
        pytest.param(shift([([1, 2, 3], [INF, INF, 9])]), lower_by(0.0), 1, 1, id="ranks-that-lie-apart"),
        pytest.param(share(3, 3), Region(0.5, INF), 3, 3, id="three-of-three-show-no-majority-yet"),
        # 3 of 3 against 0 of 3 is p = 0.031.
        pytest.param(share_difference((2, 0), (2, 2)), Region(0.0, INF), 1, 1, id="shares-that-lie-apart"),
        pytest.param(share_difference((2, 1), (3, 3)), Region(0.0, INF), 11, 100, id="shares-alike"),
    ],
)
def test_ranks_and_shares_need_as_many_seeds_as_their_laws_say(effect, region, least, most):
    assert least <= further_seeds(effect, region) <= most


def test_a_decided_statement_needs_none():
    with pytest.raises(ValueError, match="supported: no further seed"):
        further_seeds(difference(normal(5, -9.0), normal(5, seed=1), paired=False), lower_by(1.0))
