"""fakeface.evaluation.frechet: agreement with torch-fidelity and with closed forms."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from fakeface.errors import UserError
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics


def correlated(n, d, seed, rank=None):
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(rank or d, d)) / np.sqrt(d)
    return random.normal(size=(n, rank or d)) @ mixing + random.normal(size=d)


def decaying(n, d, seed, scale=1.0):
    """Features whose standard deviations span four decades, as Inception's do."""
    axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))
    return np.random.default_rng(seed).normal(size=(n, d)) * np.logspace(0, -4, d) * scale @ axes


def torch_fidelity_distance(a, b):
    both = (fid_features_to_statistics(torch.from_numpy(x.astype(np.float64))) for x in (a, b))
    return fid_statistics_to_metric(*both, verbose=False)[KEY_METRIC_FID]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(correlated(500, 2, 0), correlated(300, 2, 1), id="d=2"),
        pytest.param(correlated(500, 64, 0), correlated(400, 64, 1), id="d=64"),
        pytest.param(correlated(2000, 320, 0), correlated(1000, 320, 1), id="d=320"),
        pytest.param(correlated(100, 320, 0), correlated(80, 320, 1), id="fewer-samples-than-dimensions"),
        pytest.param(correlated(500, 64, 0, rank=5), correlated(500, 64, 1), id="one-singular"),
        pytest.param(correlated(500, 64, 0, rank=5), correlated(500, 64, 1, rank=3), id="both-singular"),
        pytest.param(correlated(500, 64, 1), correlated(500, 64, 0, rank=5), id="reference-singular"),
        pytest.param(np.ones((50, 8)), correlated(50, 8, 1), id="one-without-variance"),
        pytest.param(correlated(50, 8, 1), np.ones((50, 8)), id="reference-without-variance"),
        pytest.param(decaying(1000, 320, 1), decaying(2000, 320, 2, 1.05), id="four-decades"),
        pytest.param(decaying(200, 320, 1), decaying(2000, 320, 2, 1.05), id="four-decades-singular"),
        pytest.param(
            correlated(400, 64, 0) * 1e3, correlated(400, 64, 1) * 1e-3, id="scales-a-million-apart"
        ),
        pytest.param(
            correlated(300, 32, 0).astype(np.float32), correlated(300, 32, 1).astype(np.float32), id="f32"
        ),
    ],
)
def test_agrees_with_torch_fidelity_to_1e_4(a, b):
    ours = frechet_distance(statistics(a), statistics(b))
    assert ours == pytest.approx(torch_fidelity_distance(a, b), rel=1e-4)


def test_closed_form_of_gaussians_with_diagonal_covariance():
    a = Statistics(np.array([1.0, 2.0, 3.0]), np.diag([4.0, 9.0, 0.0]), 10)
    b = Statistics(np.array([1.0, 0.0, 2.0]), np.diag([1.0, 1.0, 16.0]), 10)
    # |offset|² = 4 + 1; Σ (σ₁ - σ₂)² = 1 + 4 + 16
    assert frechet_distance(a, b) == pytest.approx(26.0)


def test_closed_form_of_a_rotated_gaussian_against_a_round_one():
    angle = 0.7
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a = Statistics(np.zeros(2), rotation @ np.diag([25.0, 4.0]) @ rotation.T, 10)
    b = Statistics(np.zeros(2), np.eye(2), 10)
    assert frechet_distance(a, b) == pytest.approx((5 - 1) ** 2 + (2 - 1) ** 2)


@pytest.mark.parametrize("n", [1000, 40], ids=["full-rank", "singular"])
def test_a_distribution_is_at_zero_from_itself(n):
    a = statistics(correlated(n, 64, 0))
    assert frechet_distance(a, a) <= 1e-9 * np.trace(a.covariance)


def test_is_symmetric_and_not_negative():
    a, b = statistics(correlated(200, 16, 0)), statistics(correlated(200, 16, 1))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, b) > 0


def test_statistics_are_those_of_numpy_in_float64_even_far_from_zero():
    features = (correlated(300, 5, 0) + 1e4).astype(np.float32)
    found = statistics(features)
    assert found.n == 300
    assert found.mean.dtype == found.covariance.dtype == np.float64
    np.testing.assert_allclose(found.mean, features.astype(np.float64).mean(0))
    np.testing.assert_allclose(found.covariance, np.cov(features.astype(np.float64), rowvar=False))


def test_one_sample_is_an_error_that_says_how_many_are_needed():
    with pytest.raises(UserError, match="at least 2 samples, got 1"):
        statistics(np.ones((1, 4)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_give_nan(bad):
    features = correlated(50, 4, 0)
    features[7, 2] = bad
    with np.errstate(invalid="ignore"):
        broken = statistics(features)
    assert np.isnan(frechet_distance(broken, statistics(correlated(50, 4, 1))))


def test_features_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        frechet_distance(statistics(correlated(50, 4, 0)), statistics(correlated(50, 5, 0)))


@pytest.mark.parametrize(("n", "rank"), [(1000, 64), (40, 39)], ids=["full-rank", "singular"])
def test_a_root_is_one_of_the_covariance_and_as_thin_as_its_rank(n, rank):
    found = statistics(correlated(n, 64, 0))
    assert found.root.shape == (64, rank)
    np.testing.assert_allclose(found.root @ found.root.T, found.covariance, atol=1e-12)
    assert found.root is found.root
