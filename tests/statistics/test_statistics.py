"""analysis.statistics: means and verdicts against SciPy, hand-computed values and known truths."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import (
    Factor,
    contrast,
    difference,
    factor_effect,
    further_seeds,
    is_paired,
    judge,
)
from tests.statistics.groups import INF, higher_by, lower_by, normal, within

# ------------------------------------------------------------------------------------------- differences


def test_unpaired_difference_is_welchs_with_its_interval():
    a, b = normal(6), normal(9, 1.0, seed=1, spread=3.0)
    ours, theirs = difference(a, b, paired=False), scipy.stats.ttest_ind(a, b, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high, ours.p) == pytest.approx((interval.low, interval.high, theirs.pvalue))
    assert (ours.method, ours.n, ours.level) == ("Welch t", (6, 9), 0.95)


def test_paired_difference_is_students_on_the_differences():
    a, b = normal(5), normal(5, 1.0, seed=1)
    ours, theirs = difference(a, b, paired=True, level=0.9), scipy.stats.ttest_rel(a, b)
    interval = theirs.confidence_interval(0.9)
    assert (ours.low, ours.high, ours.p) == pytest.approx((interval.low, interval.high, theirs.pvalue))
    assert ours.method == "paired t"


@pytest.mark.parametrize(
    ("seeds", "paired"),
    [
        pytest.param([range(5), range(5)], True, id="five-the-same"),
        pytest.param([[4, 3, 2, 1, 0], range(5)], True, id="order-does-not-matter"),
        pytest.param([range(4), range(4)], False, id="four-lose-too-much"),
        pytest.param([range(5), range(6)], False, id="one-seed-more"),
        pytest.param([range(5), range(5), range(5), range(1, 6)], False, id="one-of-four-cells-differs"),
    ],
)
def test_pairing_is_decided_by_the_seeds_alone(seeds, paired):
    assert is_paired(*seeds) is paired


def test_a_diverged_run_turns_means_into_ranks_and_says_so():
    found = difference([1.0, 2.0, 3.0, INF], [10.0, 11.0, 12.0, 13.0], paired=True)
    assert found.method == "Mann-Whitney shift (1 training ranks last)"
    # 12 of 16 pairs have a lower: U = 4, of 70 orders 12 are as low or lower.
    assert found.p == pytest.approx(2 * 12 / 70)
    assert found.estimate == pytest.approx(-9.0)
    assert (found.low, found.high) == (-12.0, INF)


def test_values_without_any_spread_are_judged_by_ranks():
    found = difference([400.0] * 4, [600.0] * 4, paired=False)
    assert found.method == "Mann-Whitney shift (values without spread)"
    assert (found.low, found.high, found.p) == (-200.0, -200.0, pytest.approx(2 / 70))
    three = difference([400.0] * 3, [600.0] * 3, paired=False)
    assert (three.low, three.high) == (-INF, INF)


def test_pairs_that_all_differ_alike_fall_back_to_the_spread_of_the_groups():
    a = normal(6)
    assert difference(a, a + 1, paired=True).method == "Welch t"
    assert difference(a, a, paired=True).p == 1.0


def test_nearly_equal_spread_of_large_values_is_rounding():
    a = 1e6 + np.array([0.1 + 0.2, 0.3, 0.3])
    assert contrast([a, a + 0.0], (1, -1), paired=False) is None


@given(
    seed=st.integers(0, 1000), offset=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100), paired=st.booleans(),
    diverged=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_difference_moves_with_offsets_and_units_and_turns_round_with_its_groups(
    seed, offset, scale, paired, diverged
):
    a, b = normal(6, seed=seed), normal(6, 0.5, seed=seed + 1)
    if diverged:
        a[0] = INF
    plain = difference(a, b, paired=paired)
    moved = difference(a * scale + offset, b * scale, paired=paired)
    expected = [value * scale + offset for value in (plain.low, plain.estimate, plain.high)]
    assert [moved.low, moved.estimate, moved.high] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    turned = difference(b, a, paired=paired)
    assert (-turned.high, -turned.estimate, -turned.low) == pytest.approx(
        (plain.low, plain.estimate, plain.high)
    )
    assert turned.p == pytest.approx(plain.p)


@given(
    seed=st.integers(0, 1000), n=st.integers(2, 8), at=st.floats(-3, 3), level=st.sampled_from([0.8, 0.9, 0.95]),
    failed=st.integers(0, 2),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_interval_and_tails_say_the_same(seed, n, at, level, failed):
    a, b = normal(n, seed=seed), normal(n, 1.0, seed=seed + 1)
    a[:failed] = INF
    found = difference(a, b, paired=False, level=level)
    below, above = found.tails(at)
    assert (2 * below <= 1 - level + 1e-12) == (found.high < at)
    assert (2 * above <= 1 - level + 1e-12) == (found.low > at)


@pytest.mark.parametrize("law", ["normal", "lognormal"])
@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_intervals_of_two_like_groups_cover_as_they_say(law, n):
    random = np.random.default_rng(n)
    draws = random.normal(size=(600, 2, n)) if law == "normal" else random.lognormal(0, 0.5, (600, 2, n))
    found = [difference(a, b, paired=n >= 5) for a, b in draws]
    assert 0.92 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.99


# --------------------------------------------------------------------------------------------------- 2x2


def cells(n=5, *, first=0.0, second=0.0, interaction=0.0, spread=1.0):
    means = (0.0, second, first, first + second + interaction)
    return [normal(n, mean, seed=index, spread=spread) for index, mean in enumerate(means)]


@pytest.mark.parametrize("paired", [True, False])
def test_effects_of_the_two_by_two_are_those_of_their_definition(paired):
    values = cells(first=3.0, second=-4.0, interaction=4.0, spread=1e-3)
    found = [factor_effect(values, of, paired=paired) for of in Factor]
    assert [one.estimate for one in found] == pytest.approx([3.0 + 4.0 / 2, -4.0 + 4.0 / 2, 4.0], abs=0.01)
    assert all(one.p < 1e-3 for one in found)


def test_paired_effects_are_one_sample_t_tests_of_the_contrast_within_each_seed():
    neither, second, first, both = values = cells()
    expected = scipy.stats.ttest_1samp(both - first - second + neither, 0.0)
    found = factor_effect(values, Factor.INTERACTION, paired=True)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((interval.low, interval.high, expected.pvalue))
    assert found.df == 4


def test_unpaired_effects_have_satterthwaites_degrees_of_freedom():
    values = [[0.0, 2.0], [0.0, 2.0], [0.0, 2.0], [0.0, 2.0, 1.0]]
    found = factor_effect(values, Factor.INTERACTION, paired=False)
    parts = np.array([1.0, 1.0, 1.0, 1 / 3])
    assert found.standard_error == pytest.approx(math.sqrt(parts.sum()))
    assert found.df == pytest.approx(parts.sum() ** 2 / (3 * 1.0 + (1 / 3) ** 2 / 2))


def test_diverged_cells_leave_main_effects_to_ranks_and_no_interaction():
    values = cells(3, first=0.0, second=0.0)
    values[1], values[3] = np.full(3, INF), np.full(3, INF)
    first, second, interaction = (factor_effect(values, of, paired=False) for of in Factor)
    assert second.method == "Mann-Whitney shift in 2 strata (6 trainings rank last)"
    assert second.p == pytest.approx(2 / 20**2)
    assert judge(second, higher_by(1.0)).verdict == "supported"
    assert judge(first, within(1.0)).verdict == "undecided"
    assert math.isnan(interaction.estimate)
    for region in (lower_by(0.0), higher_by(1.0), within(5.0)):
        assert judge(interaction, region).verdict == "undecided"
        assert further_seeds(interaction, region) is None


@pytest.mark.parametrize("region", [lower_by(0.0), higher_by(0.0), within(9.0)])
def test_two_groups_that_diverged_throughout_are_never_the_same(region):
    effect = difference([INF] * 8, [INF] * 8, paired=True)
    assert math.isnan(effect.estimate)
    assert (effect.low, effect.high, effect.p) == (-INF, INF, 1.0)
    assert judge(effect, region).verdict == "undecided"


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        pytest.param([1.0], [1.0, 2.0], "described, never judged", id="one-seed"),
        pytest.param([1.0, math.nan], [1.0, 2.0], "NaN", id="nan"),
        pytest.param([1.0, INF], [1.0, -INF], "one side only", id="both-infinities"),
        pytest.param([[1.0, 2.0]], [1.0, 2.0], r"\(n,\)", id="shape"),
        pytest.param([1.0, 2.0, 3.0], [1.0, 2.0], "paired groups", id="unequal-pairs"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(a, b, words):
    with pytest.raises(ValueError, match=words):
        difference(a, b, paired=True)
