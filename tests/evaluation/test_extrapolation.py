"""fakeface.evaluation.extrapolation and floor: the bias of the Fréchet distance, taken off and taken as a measure."""

import itertools

import numpy as np
import pytest

from fakeface.errors import UserError
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.floor import distance_of_halves, real_floor
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics

D = 16
SCALES = np.exp(-np.linspace(0, 2, D))
REAL = Statistics(np.zeros(D), np.diag(SCALES**2), 100_000)
SHIFT, STRETCH = 0.1, 1.2
TRUTH = float(D * SHIFT**2 + (STRETCH - 1) ** 2 * np.sum(SCALES**2))
"""The distance of infinitely many samples, in closed form."""


def samples(n, random):
    return random.normal(size=(n, D)) * SCALES * STRETCH + SHIFT


def test_is_unbiased_where_the_distance_is_not_and_covers_the_closed_form_as_often_as_it_says():
    random = np.random.default_rng(0)
    draws = [samples(10 * D, random) for _ in range(300)]
    found = [extrapolate(x, REAL) for x in draws]
    values = np.array([one.value for one in found])
    bias = np.mean([frechet_distance(statistics(x), REAL) for x in draws]) - TRUTH
    assert bias > 0.2 * TRUTH
    assert abs(values.mean() - TRUTH) < 0.1 * bias
    covered = np.mean([abs(one.value - TRUTH) < 1.96 * one.error for one in found])
    assert 0.90 <= covered <= 0.985


def test_at_the_fewest_samples_allowed_the_bias_is_gone_near_the_floor_too():
    random = np.random.default_rng(0)
    exact = Statistics(np.zeros(D), np.diag(SCALES**2), 100_000)
    draws = [random.normal(size=(6 * D, D)) * SCALES for _ in range(200)]
    bias = np.mean([frechet_distance(statistics(x), exact) for x in draws])
    found = [extrapolate(x, exact) for x in draws]
    assert abs(np.mean([one.value for one in found])) < 0.05 * bias
    assert np.mean([abs(one.value) < 1.96 * one.error for one in found]) >= 0.92


def test_what_the_curve_neglects_is_refused_once_it_is_no_longer_small_beside_the_error():
    # The error shrinks with the number of features, in units of the bias; the neglected term does not.
    random = np.random.default_rng(0)
    d = 400
    real, x = Statistics(np.zeros(d), np.eye(d), 100_000), random.normal(size=(6 * d, d))
    with pytest.raises(UserError, match=r"2400 samples are too few .* may be 0\.\d+ standard errors"):
        extrapolate(x, real)
    assert extrapolate(2 * x, real).value == pytest.approx(d, rel=0.1)  # far away it is small


def test_two_generators_whose_order_is_wrong_at_small_n_are_put_right():
    # The wide one is closer to N(0, I); its larger spread gives it the larger bias.
    random = np.random.default_rng(0)
    wide, narrow, n = 1.3, 0.65, 6 * D
    real = Statistics(np.zeros(D), np.eye(D), 100_000)
    at_n, at_infinity = [], []
    for _ in range(60):
        pair = [scale * random.normal(size=(n, D)) for scale in (wide, narrow)]
        at_n.append([frechet_distance(statistics(x), real) for x in pair])
        at_infinity.append([extrapolate(x, real).value for x in pair])
    assert np.mean(at_n, axis=0)[0] > np.mean(at_n, axis=0)[1]
    truth = [D * (wide - 1) ** 2, D * (narrow - 1) ** 2]
    np.testing.assert_allclose(np.mean(at_infinity, axis=0), truth, rtol=0.12)


def test_the_same_samples_give_the_same_estimate():
    x = samples(1000, np.random.default_rng(0))
    assert extrapolate(x, REAL) == extrapolate(x, REAL)


def test_too_few_samples_are_refused_and_what_is_not_finite_stays_nan():
    x = samples(6 * D, np.random.default_rng(0))
    with pytest.raises(UserError, match=r"evaluation\.num_samples to 96"):
        extrapolate(x[:-1], REAL)
    x[3, 3] = np.nan
    found = extrapolate(x, REAL)
    assert np.isnan(found.value)
    assert np.isnan(found.error)


@pytest.mark.parametrize("images", [700, 500], ids=["enough-images", "scaled"])
def test_the_floor_is_what_samples_of_the_real_distribution_score_on_average(images):
    random = np.random.default_rng(0)

    def real(n):
        return random.normal(size=(n, D)) * SCALES

    floors = [real_floor(real(images), 200, 500) for _ in range(40)]
    scores = [frechet_distance(statistics(real(200)), statistics(real(500))) for _ in range(200)]
    assert np.mean(floors) == pytest.approx(np.mean(scores), rel=0.05)


def test_the_draws_of_a_floor_are_disjoint():
    real = np.array([[0.0], [1.0], [4.0], [13.0]])
    possible = {}
    for pair in itertools.combinations(range(4), 2):
        rest = [i for i in range(4) if i not in pair]
        possible[pair] = frechet_distance(statistics(real[list(pair)]), statistics(real[rest]))
    means = [np.mean(three) for three in itertools.product(possible.values(), repeat=3)]
    found = real_floor(real, 2, 2)
    assert min(abs(found - mean) for mean in means) < 1e-9


def test_halves_are_compared_from_two_images_a_feature_in_each_on():
    real = np.random.default_rng(0).normal(size=(4 * D + 1, D))
    assert distance_of_halves(real) == real_floor(real, 2 * D, 2 * D)
    assert np.isnan(distance_of_halves(real[:-2]))
    assert np.isnan(distance_of_halves(real[:3, :1]))
