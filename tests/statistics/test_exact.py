"""analysis.statistics, ranks and outcomes: laws by enumeration, agreement with SciPy, error rates counted exactly."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import (
    Region,
    judge,
    share,
    share_difference,
    shift,
)
from analysis.statistics.ranks import mann_whitney_null
from tests.statistics.groups import INF, normal

# ------------------------------------------------------------------------------------------------- ranks


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (4, 4)])
def test_mann_whitneys_law_is_that_of_all_orders(n, m):
    counts = [
        sum(i > j for i in chosen for j in set(range(n + m)) - set(chosen))
        for chosen in itertools.combinations(range(n + m), n)
    ]
    np.testing.assert_allclose(mann_whitney_null(n, m), np.bincount(counts) / len(counts))


def test_mann_whitneys_law_stays_exact_where_whole_numbers_outgrow_floats():
    law = mann_whitney_null(40, 40)
    assert law.sum() == pytest.approx(1.0)
    assert law[0] == pytest.approx(1 / math.comb(80, 40))
    assert (law >= 0).all()


@pytest.mark.parametrize(("n", "m"), [(3, 3), (4, 6), (10, 7)])
def test_shift_has_the_p_of_mann_whitney_and_the_estimate_of_hodges_and_lehmann(n, m):
    a, b = normal(n), normal(m, 1.0, seed=1)
    found = shift([(a, b)])
    assert found.p == pytest.approx(scipy.stats.mannwhitneyu(a, b, method="exact").pvalue)
    assert found.estimate == pytest.approx(np.median(np.subtract.outer(a, b)))


def test_strata_are_compared_within_themselves():
    # The strata lie far apart, and in each all of a lie 1 below b.
    found = shift([([0.0, 0.1, 0.2], [1.0, 1.1, 1.2]), ([50.0, 50.1, 50.2], [51.0, 51.1, 51.2])])
    assert found.estimate == pytest.approx(-1.0)
    assert found.p == pytest.approx(2 / 20**2)


def test_ties_count_against_every_conclusion():
    assert shift([([1, 1, 1, 1], [1, 1, 1, 1])]).p == 1.0
    assert shift([([INF, INF, 1, 1], [INF, INF, 2, 2])]).p == 1.0
    apart, touching = shift([([1, 2, 3, 4], [5, 6, 7, 8])]), shift([([1, 2, 3, 5], [5, 6, 7, 8])])
    assert touching.p >= apart.p


def test_half_of_the_strata_diverged_on_each_side_cancel():
    assert shift([([INF] * 3, [1, 2, 3]), ([1, 2, 3], [INF] * 3)]).estimate == 0.0


@given(seed=st.integers(0, 300), n=st.integers(2, 7), m=st.integers(2, 7), stretch=st.floats(0.5, 3))
@settings(max_examples=60, deadline=None)
def test_ranks_do_not_change_where_values_are_stretched(seed, n, m, stretch):
    a, b = normal(n, seed=seed), normal(m, 0.5, seed=seed + 1)
    assert shift([(a, b)]).p == shift([(np.exp(stretch * a), np.exp(stretch * b))]).p


# ---------------------------------------------------------------------------------------------- outcomes


@pytest.mark.parametrize(("count", "n"), [(0, 2), (3, 3), (2, 5), (9, 10)])
def test_a_share_has_the_interval_of_clopper_and_pearson(count, n):
    interval = scipy.stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    found = share(count, n)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(scipy.stats.binomtest(count, n).pvalue)


def test_a_majority_is_shown_by_six_of_six_and_not_by_five_of_five():
    majority = Region(0.5, INF)
    assert judge(share(6, 6), majority).verdict == "supported"
    assert judge(share(5, 5), majority).verdict == "undecided"
    assert judge(share(0, 6), majority).verdict == "refuted"


@pytest.mark.parametrize(
    ("counts", "n"), [((9, 3), (10, 10)), ((2, 1), (3, 5)), ((4, 1), (5, 5)), ((8, 3), (10, 10))]
)
def test_a_difference_of_shares_has_the_p_of_all_tables_enumerated(counts, n):
    x, y = np.meshgrid(np.arange(n[0] + 1), np.arange(n[1] + 1), indexing="ij")
    pooled = (x + y) / sum(n)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]), 1e-300))
    score = np.where(x / n[0] == y / n[1], 0.0, (x / n[0] - y / n[1]) / spread)
    extreme = np.argwhere(score >= score[counts] - 1e-9)
    p = np.linspace(0, 1, 20_001)
    tables = [scipy.stats.binom.pmf(i, n[0], p) * scipy.stats.binom.pmf(j, n[1], p) for i, j in extreme]
    expected = np.sum(tables, axis=0).max()
    assert share_difference(counts, n).tails(0.0)[1] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("counts", [(3, 0), (10, 0), (8, 3), (5, 5), (1, 0)])
def test_a_difference_of_shares_has_the_p_of_barnard_where_no_table_ties(counts):
    n = 3 if max(counts) <= 3 else 10
    table = [list(counts), [n - count for count in counts]]
    found = share_difference(counts, (n, n))
    assert found.p == pytest.approx(scipy.stats.barnard_exact(table, n=256).pvalue, abs=2e-3)


def test_three_of_three_against_none_of_three_is_decided():
    found = share_difference((3, 0), (3, 3))
    assert found.p == pytest.approx(2 / 2**6)
    assert 0 < found.low < 0.2
    assert found.high == 1.0


@pytest.mark.parametrize("counts", [(3, 0), (2, 1), (3, 4), (0, 0)])
def test_interval_of_a_difference_of_shares_and_its_tails_say_the_same(counts):
    found = share_difference(counts, (3, 5))
    for end, side in ((found.low, 1), (found.high, 0)):
        if abs(end) < 1:
            assert found.tails(end)[side] == pytest.approx(0.025, abs=1e-3)
    turned = share_difference(counts[::-1], (5, 3))
    assert (-turned.high, -turned.low) == pytest.approx((found.low, found.high), abs=1e-4)


@pytest.mark.parametrize(("first", "second"), [(0.2, 0.2), (0.9, 0.4), (0.5, 0.95)])
def test_intervals_of_shares_cover_at_least_as_they_say_over_every_table(first, second):
    n = 4
    counts = range(n + 1)
    covered = sum(
        scipy.stats.binom.pmf(i, n, first) * scipy.stats.binom.pmf(j, n, second)
        for i in counts
        for j in counts
        if (found := share_difference((i, j), (n, n))).low - 1e-6 <= first - second <= found.high + 1e-6
    )
    assert covered >= 0.95


@pytest.mark.parametrize(
    ("count", "n", "words"), [(1, 1, "never judged"), (3, 2, "3 of 2"), (-1, 5, "-1 of 5")]
)
def test_counts_that_cannot_be_are_refused(count, n, words):
    with pytest.raises(ValueError, match=words):
        share(count, n)
    with pytest.raises(ValueError, match=words):
        share_difference((count, 2), (n, 3))


@pytest.mark.parametrize(
    ("effect", "at"), [(share(2, 3), 1.1), (share(2, 3), -0.1), (share_difference((2, 1), (3, 3)), -2.0)]
)
def test_values_that_no_share_can_have_are_refused(effect, at):
    with pytest.raises(ValueError, match="is from"):
        effect.tails(at)
