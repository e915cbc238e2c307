"""fakeface.evaluation.quality: all the numbers of a score, and what becomes of those that are refused."""

import numpy as np
import pytest
import torch

from ablations.jobs.identity import code_digests
from ablations.jobs.plan import scoring_roots, training_roots
from ablations.spec import RunConfig
from fakeface.evaluation import floor_of, measure_quality
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.floor import real_floor
from fakeface.evaluation.frechet import frechet_distance, statistics
from fakeface.evaluation.frechet_interval import frechet_interval
from fakeface.evaluation.kernel_distance import kernel_distance
from fakeface.evaluation.measures import quality_names
from fakeface.evaluation.precision_recall import precision_recall
from fakeface.evaluation.reference import Reference
from fakeface.evaluation.scoring import sample_features
from fakeface.gan import training

D = 16
NAMES = quality_names("fd_test")
OF_THE_DISTANCE = {NAMES.low, NAMES.high, NAMES.infinity, NAMES.infinity_error}
OF_PAIRS = {NAMES.kernel, NAMES.kernel_error, NAMES.precision, NAMES.recall}


def features(n, seed, shift=0.0):
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, D)) + shift).astype(np.float32)


def reference_of(real, kept=None):
    return Reference("fd_test", statistics(real), real if kept is None else real[:kept])


def test_every_measure_stands_under_its_own_name():
    real, x = features(400, 0), features(200, 1, shift=0.3)
    found = measure_quality(x, reference_of(real))
    assert set(found) == OF_THE_DISTANCE | OF_PAIRS
    interval, limit = frechet_interval(x, statistics(real)), extrapolate(x, statistics(real))
    assert (found[NAMES.low], found[NAMES.high]) == (interval.low, interval.high)
    assert (found[NAMES.infinity], found[NAMES.infinity_error]) == (limit.value, limit.standard_error)
    assert found[NAMES.low] < frechet_distance(statistics(x), statistics(real)) < found[NAMES.high]
    assert found[NAMES.infinity] < found[NAMES.high]
    assert abs(found[NAMES.kernel]) > 5 * found[NAMES.kernel_error]
    assert 0 < found[NAMES.precision] < 1


def test_pairs_are_of_as_many_real_images_as_samples_and_of_no_more_than_the_limit(monkeypatch):
    monkeypatch.setattr("fakeface.evaluation.quality.MOST_COMPARED", 100)
    real, x = features(60, 0), features(200, 1)
    found = measure_quality(x, reference_of(real))
    shares = precision_recall(x[:60], real)
    assert (found[NAMES.precision], found[NAMES.recall]) == (shares.precision, shares.recall)
    assert found[NAMES.kernel] == kernel_distance(x[:100], real).value


@pytest.mark.parametrize(("n", "expected"), [(79, OF_PAIRS), (80, OF_THE_DISTANCE | OF_PAIRS), (3, set())])
def test_what_has_too_few_samples_is_left_out_and_the_rest_comes(n, expected):
    assert set(measure_quality(features(n, 1), reference_of(features(400, 0)))) == expected


def test_features_that_are_not_finite_give_nan_under_every_name():
    broken = features(200, 1)
    broken[7, 3] = np.nan
    found = measure_quality(broken, reference_of(features(400, 0)))
    assert set(found) == OF_THE_DISTANCE | OF_PAIRS
    assert all(np.isnan(value) for value in found.values())


def test_a_diverged_generator_has_no_finite_features_though_its_pictures_are_black():
    config = RunConfig(data={"image_size": 32}, network={"width": 4, "latent_dim": 8})
    generator = training.create(config.training(), 0, torch.device("cpu")).generator
    z = torch.zeros(5, 8)

    def extractor(images):
        return images.reshape(len(images), -1)[:, :D].astype(np.float32)

    assert np.isfinite(sample_features(generator, z, extractor)).all()
    with torch.no_grad():
        next(generator.parameters())[0] = torch.nan
    assert np.isnan(sample_features(generator, z, extractor)).all()


@pytest.mark.parametrize("n", [100, 200])
def test_the_floor_is_measured_where_two_draws_fit_into_what_was_kept(n):
    real = features(400, 0)
    assert floor_of(reference_of(real), n) == {NAMES.floor: real_floor(real, n, 400).value}


def test_a_larger_floor_is_scaled_from_the_halves_of_what_was_kept():
    floors = [
        floor_of(reference_of(features(6_400, seed), kept=800), 1_600)[NAMES.floor] for seed in range(30)
    ]
    truth = [
        frechet_distance(statistics(features(1_600, 2 * seed)), statistics(features(6_400, 2 * seed + 1)))
        for seed in range(100, 130)
    ]
    assert np.mean(floors) == pytest.approx(np.mean(truth), rel=0.05)


def test_no_floor_is_scaled_from_halves_of_fewer_than_five_images_a_feature():
    assert floor_of(reference_of(features(2 * 5 * D - 2, 0)), 5 * D) == {}
    assert floor_of(reference_of(features(2 * 5 * D, 0)), 10 * D)


def test_kid_is_what_the_kernel_distance_is_called_in_inception_s_features_only():
    fid = quality_names("fid")
    assert (fid.low, fid.kernel, fid.kernel_error) == ("fid_low", "kid", "kid_se")
    assert (fid.precision, fid.floor) == ("precision_inception", "floor_inception")
    assert quality_names("fd_efficientnet_lite0").kernel == "kd_efficientnet_lite0"
    assert len(set(vars(fid).values())) == len(vars(fid))


@pytest.mark.parametrize(
    "place",
    [
        "frechet_interval.py:frechet_interval",
        "extrapolation.py:extrapolate",
        "kernel_distance.py:kernel_distance",
        "precision_recall.py:precision_recall",
        "floor.py:real_floor",
        "reference.py:keep",
        "quality.py:MOST_COMPARED",
    ],
)
def test_each_measure_s_code_is_in_the_identity_of_a_score_and_of_no_training(place):
    assert f"fakeface/evaluation/{place}" in code_digests(scoring_roots(RunConfig()))
    assert f"fakeface/evaluation/{place}" not in code_digests(training_roots(RunConfig()))
