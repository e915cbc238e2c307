"""analysis.statistics.aggregates: compared with SciPy, with what is known in closed form, and by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm, trim_mean

from analysis.statistics import interquartile_mean, probability_of_lower, profile

INF = math.inf


def test_the_interquartile_mean_is_that_of_the_middle_half():
    found = interquartile_mean([9, 1, 2, 3, 4, 5, 6, -50])
    assert found.estimate == np.mean([2, 3, 4, 5])
    assert found.low < found.estimate < found.high


def test_a_quarter_of_diverged_seeds_leaves_it_finite_and_more_do_not():
    assert interquartile_mean([1, 2, 3, INF]).estimate == 2.5
    assert interquartile_mean([1, 2, INF, INF]).estimate == INF
    found = interquartile_mean([*range(1, 9), INF])
    assert math.isfinite(found.low)
    assert found.high == INF  # in some resamples more than a quarter diverged


def test_fewer_than_eight_seeds_have_no_interval_and_one_seed_has_no_mean():
    assert interquartile_mean(range(7))[1:] == (None, None)
    assert None not in interquartile_mean(range(8))
    with pytest.raises(ValueError, match="one seed"):
        interquartile_mean([1.0])


def test_its_interval_covers_the_truth_of_a_skewed_law():
    random = np.random.default_rng(0)
    truth = trim_mean(np.exp(norm.ppf((np.arange(100_000) + 0.5) / 100_000)), 0.25)
    found = [interquartile_mean(random.lognormal(0, 1, 10)) for _ in range(200)]
    assert 0.89 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


def test_the_probability_counts_pairs_and_halves_of_ties():
    assert probability_of_lower([1, 2, 3], [2, 4]).estimate == (4 + 0.5) / 6
    assert probability_of_lower([1, INF], [INF, 5]).estimate == (2 + 0.5) / 4


def test_runs_that_do_not_overlap_have_an_interval_that_is_no_point():
    below, above = probability_of_lower(range(5), range(5, 10)), probability_of_lower(range(5, 10), range(5))
    assert (below.estimate, below.high) == (1.0, 1.0)
    assert below.low == pytest.approx(0.643, abs=0.001)  # method 5 of Newcombe 2006
    assert (above.low, above.high) == (0.0, pytest.approx(1 - below.low))
    assert probability_of_lower(range(4), range(5))[1:] == (None, None)


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_the_interval_of_the_probability_covers(shift):
    random, truth = np.random.default_rng(1), norm.cdf(shift / math.sqrt(2))
    found = [probability_of_lower(random.normal(size=5), random.normal(shift, size=5)) for _ in range(400)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.92


def test_a_profile_is_the_share_at_or_below_with_its_exact_interval():
    share, low, high = profile([1, 2, 2, INF], [0.5, 1, 2, 100])
    assert share.tolist() == [0, 0.25, 0.75, 0.75]
    for k, one, other in zip([0, 1, 3, 3], low, high, strict=True):
        expected = binomtest(k, 4).proportion_ci(0.95)
        assert (one, other) == pytest.approx((expected.low, expected.high))
