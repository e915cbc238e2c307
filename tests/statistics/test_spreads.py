"""analysis.statistics.spreads: intervals of a standard deviation and of a ratio of variances."""

import math

import numpy as np
import pytest

from analysis.statistics import spread, variance_ratio


def test_a_spread_has_the_interval_of_the_chi_square_law():
    found = spread([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.estimate == pytest.approx(math.sqrt(2.5))
    assert found.low / found.estimate == pytest.approx(
        0.599, abs=0.001
    )  # tables of χ² with 4 degrees of freedom
    assert found.high / found.estimate == pytest.approx(2.874, abs=0.001)


def test_a_ratio_has_the_interval_of_the_f_law_and_is_the_inverse_of_its_inverse():
    a, b = [1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 3.0, 1.0, 2.0, 9.0]
    found, inverse = variance_ratio(a, b), variance_ratio(b, a)
    assert found.estimate / found.low == pytest.approx(9.605, abs=0.001)  # table of F(4, 4)
    assert (found.low, found.high) == (pytest.approx(1 / inverse.high), pytest.approx(1 / inverse.low))


def test_both_cover_as_often_as_they_say_for_normal_values():
    random = np.random.default_rng(0)
    pairs = [(random.normal(size=5), random.normal(0, 2, 5)) for _ in range(1000)]
    spreads = [spread(b) for _, b in pairs]
    ratios = [variance_ratio(a, b) for a, b in pairs]
    assert np.mean([one.low <= 2 <= one.high for one in spreads]) == pytest.approx(0.95, abs=0.02)
    assert np.mean([one.low <= 0.25 <= one.high for one in ratios]) == pytest.approx(0.95, abs=0.02)


def test_a_diverged_seed_has_no_spread_and_no_spread_no_ratio():
    with pytest.raises(ValueError, match="infinite"):
        spread([1.0, math.inf])
    found = variance_ratio([1.0, 2.0], [3.0, 3.0])
    assert math.isnan(found.estimate)
    assert found.low is None
