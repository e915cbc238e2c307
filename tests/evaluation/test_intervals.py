"""fakeface.evaluation.frechet_interval: against derivatives, closed forms, a bootstrap and fresh draws."""

import numpy as np
import pytest
import torch

from fakeface.errors import UserError
from fakeface.evaluation.extractors.efficientnet import EfficientNetLite0
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics
from fakeface.evaluation.frechet_interval import frechet_influence, frechet_interval
from tests.evaluation_pictures import drawn_faces

D = 24
Z = 1.959964


def mixing(seed, d=D):
    """A matrix that gives features correlations and a spectrum that falls by a factor of 400 in power."""
    scales = np.exp(-np.linspace(0, 3, d))
    return np.random.default_rng(seed).normal(size=(d, d)) / np.sqrt(d) * scales


REAL = Statistics(np.zeros(D), mixing(0).T @ mixing(0), 100_000)
GENERATOR = mixing(0) + 0.5 * mixing(1)
SHIFT = 0.3 * np.random.default_rng(2).normal(size=D) * np.exp(-np.linspace(0, 3, D))


def gaussian(n, random):
    return random.normal(size=(n, D)) @ GENERATOR + SHIFT


def skewed(n, random):
    return (np.exp(0.7 * random.normal(size=(n, D))) - 1) @ GENERATOR + SHIFT


def mixture(n, random):
    kind = random.random((n, 1)) < 0.5
    return random.normal(size=(n, D)) * np.where(kind, 0.4, 1.4) @ GENERATOR + SHIFT * np.where(kind, -1, 3)


def bootstrap(features, reference, replicates, random):
    resampled = (features[random.integers(0, len(features), len(features))] for _ in range(replicates))
    return np.array([frechet_distance(statistics(x), reference) for x in resampled])


@pytest.mark.parametrize("rank", [6, 3], ids=["full-rank", "singular"])
@pytest.mark.parametrize("reference_rank", [6, 4], ids=["full-rank-reference", "singular-reference"])
def test_influence_is_the_derivative_of_the_distance_by_the_weight_of_a_sample(rank, reference_rank):
    random = np.random.default_rng(0)
    n, step = 500, 1e-5
    x = random.normal(size=(n, rank)) @ random.normal(size=(rank, 6)) + random.normal(size=6)
    reference = statistics(
        random.normal(size=(300, reference_rank)) @ random.normal(size=(reference_rank, 6))
    )

    def distance(weights):
        mean = weights @ x
        return frechet_distance(
            Statistics(mean, (x - mean).T * weights @ (x - mean) * n / (n - 1), n), reference
        )

    influence = frechet_influence(x, reference)
    for i in range(0, n, 50):
        towards = np.eye(n)[i] - 1 / n
        slope = (distance(1 / n + step * towards) - distance(1 / n - step * towards)) / (2 * step)
        # The divisor N - 1 of the covariance is not the functional's own N.
        assert influence[i] == pytest.approx(slope, abs=3 / n * np.abs(influence).max())


def test_in_one_dimension_the_error_is_that_of_the_delta_method():
    n, offset, sd, real_sd = 20_000, 0.7, 1.5, 1.0
    x = np.random.default_rng(0).normal(offset, sd, (n, 1))
    found = frechet_interval(x, Statistics(np.zeros(1), np.array([[real_sd**2]]), n))
    variance = (4 * offset**2 * sd**2 + (1 - real_sd / sd) ** 2 * 2 * sd**4) / n
    assert found.error == pytest.approx(np.sqrt(variance), rel=0.03)
    assert found.value == pytest.approx(offset**2 + (sd - real_sd) ** 2, rel=0.05)
    assert (found.low, found.high) == pytest.approx(
        (found.value - Z * found.error, found.value + Z * found.error)
    )


@pytest.mark.parametrize("draw", [gaussian, skewed, mixture])
@pytest.mark.parametrize("per_dimension", [5, 10])
def test_the_width_is_that_of_a_bootstrap_within_15_percent(draw, per_dimension):
    random = np.random.default_rng(per_dimension)
    x = draw(per_dimension * D, random)
    found = frechet_interval(x, REAL)
    low, high = np.quantile(bootstrap(x, REAL, 500, random), [0.025, 0.975])
    assert (found.high - found.low) / (high - low) == pytest.approx(1, abs=0.15)


def test_the_width_is_that_of_a_bootstrap_for_features_of_pictures():
    torch.set_num_threads(1)
    extractor, random = EfficientNetLite0(), np.random.default_rng(0)
    axes = random.normal(size=(320, 64)) / np.sqrt(
        320
    )  # 64 of the features' directions: a bootstrap of seconds
    real = statistics(extractor(drawn_faces(400, seed=1)) @ axes)
    x = extractor(drawn_faces(320, seed=2, hairs=2)) @ axes
    found = frechet_interval(x, real)
    low, high = np.quantile(bootstrap(x, real, 500, random), [0.025, 0.975])
    assert (found.high - found.low) / (high - low) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("draw", [gaussian, skewed, mixture])
def test_covers_the_mean_distance_of_n_samples_as_often_as_it_says(draw):
    random = np.random.default_rng(0)
    found = [frechet_interval(draw(10 * D, random), REAL) for _ in range(600)]
    expected = np.mean([one.value for one in found])
    covered = np.mean([one.low <= expected <= one.high for one in found])
    assert 0.92 <= covered <= 0.98


def test_at_the_floor_it_is_too_wide_by_no_more_than_the_square_root_of_two():
    random = np.random.default_rng(0)
    found = [frechet_interval(random.normal(size=(5 * D, D)) @ mixing(0), REAL) for _ in range(300)]
    ratio = np.mean([one.error for one in found]) / np.std([one.value for one in found])
    assert 1.0 <= ratio <= 1.5


@pytest.mark.parametrize("draw", [gaussian, skewed, mixture])
def test_the_value_is_the_frechet_distance(draw):
    x = draw(5 * D, np.random.default_rng(0)).astype(np.float32)
    assert frechet_interval(x, REAL).value == pytest.approx(frechet_distance(statistics(x), REAL), rel=1e-9)


def test_the_low_end_is_no_less_than_zero():
    x = np.random.default_rng(0).normal(size=(20, 1))
    close = frechet_interval(x, Statistics(x.mean(axis=0) + 0.02, np.eye(1), 100))
    assert close.low == 0.0 < close.value < close.high


def test_one_repeated_picture_has_no_sampling_noise():
    found = frechet_interval(np.ones((200, D), np.float32), REAL)
    assert found.error == 0.0
    assert found.low == found.value == found.high > 0


def test_fewer_than_five_samples_a_feature_are_refused_with_the_number_needed():
    random = np.random.default_rng(0)
    with pytest.raises(
        UserError, match=r"119 samples are too few .* 24 features.* evaluation.num_samples to 120"
    ):
        frechet_interval(gaussian(119, random), REAL)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_give_an_interval_of_nan(bad):
    x = gaussian(200, np.random.default_rng(0))
    x[7, 2] = bad
    with np.errstate(invalid="ignore"):
        found = frechet_interval(x, REAL)
    assert np.isnan(found).all()


def test_features_of_another_length_than_the_references_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        frechet_interval(np.ones((100, 3)), REAL)
