"""analysis.statistics.looks: several looks together err as rarely as one."""

import math

import numpy as np
import pytest
import scipy.stats

from analysis.statistics.looks import FEWEST, look_counts, look_levels


@pytest.mark.parametrize(("first", "most"), [(1, 20), (3, 3), (5, 20), (4, 10), (3, 100)])
def test_looks_lead_from_the_first_seeds_to_the_last_and_spend_one_error(first: int, most: int):
    counts = look_counts(first, most)
    assert (counts[0], counts[-1]) == (max(first, FEWEST), most)
    assert list(counts) == sorted(set(counts))
    levels = look_levels(counts)
    assert sum(1 - level for level in levels) == pytest.approx(0.05)
    assert all(0.95 <= level < 1 for level in levels)


def test_what_is_spent_is_pocock_s_function_of_lan_and_demets():
    spent = np.cumsum([1 - level for level in look_levels([5, 10, 20])])
    assert spent == pytest.approx([0.05 * math.log(1 + (math.e - 1) * t) for t in (0.25, 0.5, 1.0)])


def test_a_last_look_before_the_first_is_refused():
    with pytest.raises(ValueError, match="first look is at 5 seeds"):
        look_counts(5, 4)


def test_growing_data_that_are_judged_at_every_look_err_in_five_percent_and_without_levels_in_more():
    random = np.random.default_rng(0)
    counts = look_counts(3, 20)
    values = random.normal(size=(20_000, 20))
    p = np.array([scipy.stats.ttest_1samp(values[:, :n], 0.0, axis=1).pvalue for n in counts])
    alphas = 1 - np.array(look_levels(counts))
    assert (p <= alphas[:, None]).any(axis=0).mean() <= 0.05
    assert (p <= 0.05).any(axis=0).mean() > 0.1
