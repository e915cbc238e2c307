"""fakeface.evaluation.precision_recall: against torch-fidelity and cases whose answer is known."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from fakeface.errors import UserError
from fakeface.evaluation.precision_recall import NEIGHBOURS, precision_recall


def normal(n, d=8, *, scale=1.0, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, scale, (n, d))


@pytest.mark.parametrize(
    ("samples", "real"),
    [
        pytest.param(normal(300), normal(300, seed=1), id="same-distribution"),
        pytest.param(normal(200, scale=0.5), normal(400, seed=1), id="narrower-and-fewer"),
        pytest.param(normal(400, scale=1.5), normal(200, seed=1), id="wider-and-more"),
        pytest.param(normal(300, shift=0.6), normal(300, seed=1), id="shifted"),
        pytest.param(
            normal(1500, 32, shift=100), normal(1200, 32, shift=100.1, seed=1), id="blocks-far-from-zero"
        ),
    ],
)
def test_agrees_with_torch_fidelity(samples, real):
    theirs = prc_features_to_metric(
        torch.from_numpy(samples), torch.from_numpy(real),
        prc_neighborhood=NEIGHBOURS, prc_batch_size=500, save_cpu_ram=False, verbose=False,
    )  # fmt: skip
    ours = precision_recall(samples, real)
    assert ours.precision == pytest.approx(theirs[KEY_METRIC_PRECISION], abs=1e-6)
    assert ours.recall == pytest.approx(theirs[KEY_METRIC_RECALL], abs=1e-6)


def test_the_same_set_has_both_at_one():
    found = precision_recall(normal(200), normal(200))
    assert (found.precision, found.recall) == (1.0, 1.0)


def test_the_same_distribution_has_both_high_and_alike():
    found = precision_recall(normal(2000, 2), normal(2000, 2, seed=1))
    assert found.precision > 0.9
    assert found.recall == pytest.approx(found.precision, abs=0.02)


def test_disjoint_sets_have_both_at_zero():
    found = precision_recall(normal(200), normal(200, shift=100, seed=1))
    assert (found.precision, found.recall) == (0.0, 0.0)


def test_few_repeated_good_pictures_are_precise_and_recall_nothing():
    real = normal(500)
    collapsed = np.repeat(real[:5], 100, axis=0)
    found = precision_recall(collapsed, real)
    assert found.precision == 1.0
    assert found.recall <= 0.05


def test_a_mode_left_out_costs_recall_and_noise_among_the_samples_precision():
    one_mode = normal(1000, 2, seed=1)
    two_modes = np.r_[one_mode, normal(1000, 2, shift=50, seed=2)]
    left_out = precision_recall(normal(1000, 2, seed=3), two_modes)
    assert left_out.recall == pytest.approx(0.5, abs=0.05)
    assert left_out.precision > 0.9
    noisy = precision_recall(np.r_[normal(1000, 2, seed=3), normal(1000, 2, shift=-500, seed=4)], one_mode)
    assert noisy.precision == pytest.approx(0.5, abs=0.05)
    assert noisy.recall > 0.9


def test_too_few_are_refused_and_what_is_not_finite_stays_nan():
    with pytest.raises(UserError, match="more than 3 samples and real images, got 3 and 50"):
        precision_recall(normal(3), normal(50))
    broken = normal(50)
    broken[0, 0] = np.nan
    found = precision_recall(broken, normal(50))
    assert np.isnan([found.precision, found.recall]).all()
    with pytest.raises(ValueError, match="different lengths"):
        precision_recall(normal(50), normal(50, 3))
