"""fakeface.evaluation.kernel_distance: against torch-fidelity's KID and the expectation for Gaussians."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from fakeface.errors import UserError
from fakeface.evaluation.kernel_distance import kernel_distance

MEAN = np.array([0.4, -0.2, 0.1])
ROOT = np.array([[1.1, 0.0, 0.0], [0.3, 0.8, 0.0], [0.0, -0.4, 1.3]])
"""The samples are N(MEAN, ROOT ROOTᵀ), the real images N(0, I)."""


def moments(mean, covariance):
    """E x xᵀ and E x ⊗ x ⊗ x of a Gaussian."""
    mixed = np.einsum("a,bc->abc", mean, covariance)
    third = (
        np.einsum("a,b,c->abc", mean, mean, mean)
        + mixed
        + mixed.transpose(1, 0, 2)
        + mixed.transpose(1, 2, 0)
    )
    return covariance + np.outer(mean, mean), third


def expected_kernel(p, q):
    """E (xᵀy / d + 1)³ of independent x, y with these means and covariances, by the binomial theorem."""
    d = len(p[0])
    (second_p, third_p), (second_q, third_q) = moments(*p), moments(*q)
    return (
        1 + 3 * p[0] @ q[0] / d + 3 * np.sum(second_p * second_q) / d**2 + np.sum(third_p * third_q) / d**3
    )  # fmt: skip


@pytest.mark.parametrize(("n", "d"), [(60, 4), (1500, 64)], ids=["one-block", "two-blocks"])
def test_agrees_with_torch_fidelitys_kid_of_one_subset_that_is_everything(n, d):
    random = np.random.default_rng(0)
    x, y = random.normal(0.2, 1.2, (n, d)), random.normal(size=(n, d))
    theirs = kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=1, kid_subset_size=n, verbose=False
    )
    assert kernel_distance(x, y).value == pytest.approx(theirs[KEY_METRIC_KID_MEAN], rel=1e-9)


@pytest.mark.parametrize("same", [True, False], ids=["same-distribution", "different-distributions"])
@pytest.mark.parametrize(("m", "n"), [(40, 40), (30, 90)], ids=["m=n", "m<n"])
def test_value_and_standard_error_are_right_on_average_for_gaussians(same, m, n):
    random = np.random.default_rng(m)
    mean, root = (np.zeros(3), np.eye(3)) if same else (MEAN, ROOT)
    p, q = (mean, root @ root.T), (np.zeros(3), np.eye(3))
    truth = expected_kernel(p, p) + expected_kernel(q, q) - 2 * expected_kernel(p, q)
    found = [
        kernel_distance(random.normal(size=(m, 3)) @ root.T + mean, random.normal(size=(n, 3)))
        for _ in range(1500)
    ]
    values = np.array([one.value for one in found])
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(len(values))
    ratio = np.sqrt(np.mean([one.error**2 for one in found])) / values.std()
    if same:
        assert truth == pytest.approx(0, abs=1e-12)
        assert 0.9 < ratio < 1.25  # the first-order part is cut off at 0, where it belongs
    else:
        assert truth > 0.05
        assert ratio == pytest.approx(1, abs=0.12)


def test_is_larger_the_further_the_samples_are():
    random = np.random.default_rng(0)
    real = random.normal(size=(200, 16))
    values = [kernel_distance(random.normal(shift, 1, (200, 16)), real).value for shift in (0.2, 0.5, 1.0)]
    assert values == sorted(values)
    assert values[0] > 0


def test_one_repeated_picture_has_noise_from_the_real_side_only():
    real = np.random.default_rng(0).normal(size=(100, 8))
    few, many = (kernel_distance(np.ones((m, 8), np.float32), real) for m in (10, 1000))
    assert few.value == pytest.approx(many.value)
    assert few.error == pytest.approx(many.error, rel=1e-6)
    assert few.error > 0


def test_three_samples_are_too_few_and_what_is_not_finite_stays_nan():
    x = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(UserError, match="at least 4 samples and 4 real images, got 3 and 10"):
        kernel_distance(x[:3], x)
    broken = x.copy()
    broken[0, 0] = np.inf
    found = kernel_distance(broken, x)
    assert np.isnan([found.value, found.error]).all()
    with pytest.raises(ValueError, match="different lengths"):
        kernel_distance(x, np.ones((10, 3)))
