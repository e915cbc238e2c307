"""analysis.statistics: means and verdicts against SciPy, hand-computed values and known truths."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import (
    Region,
    contrast,
    correct_family,
    detectable_effect,
    difference,
    further_seeds,
    higher_by,
    holm,
    is_paired,
    judge,
    lower_by,
    share,
    shift,
    smallest_rank_p,
    two_by_two,
    within,
)

INF = math.inf


def normal(n, mean=0.0, seed=0, spread=1.0):
    return np.random.default_rng(seed).normal(mean, spread, n)


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
    assert found.method == "Mann-Whitney shift (1 diverged run rank last)"
    # 12 of 16 pairs have a lower: U = 4, of 70 orders 12 are as low or lower.
    assert found.p == pytest.approx(2 * 12 / 70)
    assert found.estimate == pytest.approx(-8.5)
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
    means = [[0.0, second], [first, first + second + interaction]]
    return [[normal(n, means[i][j], seed=2 * i + j, spread=spread) for j in (0, 1)] for i in (0, 1)]


@pytest.mark.parametrize("paired", [True, False])
def test_effects_of_the_two_by_two_are_those_of_their_definition(paired):
    found = two_by_two(cells(first=3.0, second=-2.0, interaction=4.0, spread=1e-3), paired=paired)
    assert found.first.estimate == pytest.approx(3.0 + 4.0 / 2, abs=0.01)
    assert found.second.estimate == pytest.approx(-2.0 + 4.0 / 2, abs=0.01)
    assert found.interaction.estimate == pytest.approx(4.0, abs=0.01)
    assert all(effect.p < 1e-3 for effect in (found.first, found.second, found.interaction))


def test_paired_effects_are_one_sample_t_tests_of_the_contrast_within_each_seed():
    (neither, second), (first, both) = values = cells()
    expected = scipy.stats.ttest_1samp(both - first - second + neither, 0.0)
    found = two_by_two(values, paired=True).interaction
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((interval.low, interval.high, expected.pvalue))
    assert found.df == 4


def test_unpaired_effects_have_satterthwaites_degrees_of_freedom():
    values = [[np.array([0.0, 2.0]), np.array([0.0, 2.0])], [np.array([0.0, 2.0]), np.array([0.0, 2.0, 1.0])]]
    found = two_by_two(values, paired=False).interaction
    parts = np.array([1.0, 1.0, 1.0, 1 / 3])
    assert found.standard_error == pytest.approx(math.sqrt(parts.sum()))
    assert found.df == pytest.approx(parts.sum() ** 2 / (3 * 1.0 + (1 / 3) ** 2 / 2))


def test_diverged_cells_leave_main_effects_to_ranks_and_no_interaction():
    values = cells(3, first=0.0, second=0.0)
    values[0][1], values[1][1] = np.full(3, INF), np.full(3, INF)
    found = two_by_two(values, paired=False)
    assert found.second.method == "Mann-Whitney shift in 2 strata (6 diverged runs rank last)"
    assert found.second.p == pytest.approx(2 / 20**2)
    assert judge(found.second, higher_by(1.0)).verdict == "supported"
    assert judge(found.first, within(1.0)).verdict == "undecided"
    assert math.isnan(found.interaction.estimate)
    for region in (lower_by(0.0), higher_by(1.0), within(5.0)):
        assert judge(found.interaction, region).verdict == "undecided"
        assert further_seeds(found.interaction, region) is None


# ---------------------------------------------------------------------------------------------- verdicts


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
@pytest.mark.parametrize("truth", ["lower", "same", "failed"])
def test_false_support_with_the_truth_at_the_margin_stays_rare(n, truth):
    random = np.random.default_rng(n)
    supported = 0
    for _ in range(400):
        a, b = random.normal(-1.0, 1.0, n), random.normal(0.0, 1.0, n)
        if truth == "failed":
            a[random.random(n) < 0.2], b[random.random(n) < 0.2] = INF, INF
        region = within(1.0) if truth == "same" else lower_by(1.0)
        supported += judge(difference(a, b, paired=False), region).verdict == "supported"
    assert supported / 400 <= 0.058


@pytest.mark.parametrize("margin", [-1.0, math.nan, INF])
def test_margins_that_mean_nothing_are_refused(margin):
    for region in (lower_by, higher_by, within):
        with pytest.raises(ValueError):
            region(margin)


def test_exact_equality_cannot_be_stated():
    with pytest.raises(ValueError, match="exactly equal"):
        within(0.0)


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


def test_a_family_takes_back_the_verdicts_that_chance_would_give_it():
    effects = [difference(normal(5, -shift, seed=s), normal(5, seed=s + 9), paired=False) for s, shift in
               enumerate((8.0, 2.3, 2.3, 2.3))]  # fmt: skip
    alone = [judge(effect, lower_by(0.0)) for effect in effects]
    family = correct_family(alone)
    assert [one.p for one in family] == pytest.approx(holm([one.p for one in alone]).tolist())
    assert family[0].verdict == "supported"
    assert sum(one.verdict == "undecided" for one in family) > sum(
        one.verdict == "undecided" for one in alone
    )


def test_ranks_of_three_seeds_decide_nothing_and_a_family_of_nine_needs_six():
    assert smallest_rank_p((3, 3)) == pytest.approx(0.1)
    assert smallest_rank_p((3, 3)) == pytest.approx(shift([([1, 2, 3], [4, 5, 6])]).p)
    assert smallest_rank_p((3, 3), (3, 3)) == pytest.approx(2 / 400)
    assert [n for n in range(2, 12) if smallest_rank_p((n, n)) * 9 <= 0.05][0] == 6


# ------------------------------------------------------------------------------------------ further seeds


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_detectable_effect_is_detected_in_four_of_five_cases(n, paired):
    effect = detectable_effect(n, paired=paired)
    random = np.random.default_rng(n)
    a = random.normal(effect, 1.0, (800, n))
    b = np.zeros((800, n)) if paired else random.normal(0.0, 1.0, (800, n))
    found = [
        judge(difference(x, y, paired=paired), higher_by(0.0)).verdict == "supported" for x, y in zip(a, b)
    ]  # noqa: B905
    # Welch's degrees of freedom are estimated, and at n = 3 a little short of 2 n - 2.
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_further_seeds_are_as_many_as_the_noncentral_t_says():
    values = np.array([-1.0, 0.0, 1.0])
    effect = difference(values - 1.0, values, paired=False)
    needed = 3 + further_seeds(effect, lower_by(0.0))
    assert detectable_effect(needed, paired=False) <= 1.0 < detectable_effect(needed - 1, paired=False)


def test_an_estimate_nearer_the_margin_needs_more_seeds_until_none_will_do():
    values = np.array([-1.0, 0.0, 1.0])
    needed = [
        further_seeds(difference(values - gap, values, paired=False), lower_by(0.0)) for gap in (2, 1, 0.5, 0)
    ]
    assert needed[:3] == sorted(needed[:3])
    assert needed[0] >= 1
    assert needed[3] is None


def test_ranks_that_lie_apart_need_one_seed_more_at_three():
    assert further_seeds(shift([([1, 2, 3], [INF, INF, 9])]), lower_by(0.0)) == 1


def test_three_of_three_seeds_need_three_more_to_show_a_majority():
    assert further_seeds(share(3, 3), Region(0.5, INF)) == 3


def test_a_decided_statement_needs_none():
    with pytest.raises(ValueError, match="supported: no further seed"):
        further_seeds(difference(normal(5, -9.0), normal(5, seed=1), paired=False), lower_by(1.0))


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
