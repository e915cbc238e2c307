"""fakeface.evaluation.quality: all the numbers of a score, and what becomes of those that are refused."""

import numpy as np
import pytest
import torch

from ablations.code.reached import code_digests
from ablations.jobs.components import scoring_roots, training_roots
from ablations.spec import RunConfig
from fakeface.errors import UserError
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.floor import distance_of_halves, floor_of, real_floor
from fakeface.evaluation.frechet import frechet_distance, statistics
from fakeface.evaluation.frechet_interval import frechet_interval
from fakeface.evaluation.kernel_distance import kernel_distance
from fakeface.evaluation.measures import DISTANCE, ScoredSamples, records, score
from fakeface.evaluation.precision_recall import precision_recall
from fakeface.evaluation.reference import Reference
from fakeface.evaluation.scoring import sample_features
from fakeface.gan.step import GanState

D = 16
METRIC = "fd_test"
RECORDS = records(METRIC)
FD, INFINITY, KERNEL = (RECORDS[key] for key in (DISTANCE, "fd_infinity", "kd"))
PRECISION, RECALL, FLOOR = (RECORDS[key].name for key in ("precision", "recall", "floor"))
OF_THE_DISTANCE = {FD.low, FD.high}
OF_THE_CURVE = {INFINITY.name, INFINITY.standard_error}
OF_PAIRS = {KERNEL.name, KERNEL.standard_error, PRECISION, RECALL}


def features(n, seed, shift=0.0):
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, D)) + shift).astype(np.float32)


def reference_of(real, kept=None):
    return Reference(
        METRIC, statistics(real), real if kept is None else real[:kept], distance_of_halves(real)
    )


def score_of(x, real, *, final=True):
    def no_images():
        raise AssertionError("no measure of quality looks at pictures")

    return score(ScoredSamples(x, final=final, make_images=no_images), reference_of(real))


def test_every_measure_has_its_own_name_in_one_order():
    real, x = features(400, 0), features(200, 1, shift=0.3)
    found = score_of(x, real)
    assert list(found) == [
        METRIC, "fd_test_low", "fd_test_high", "fd_test_infinity", "fd_test_infinity_se", "kd_test", "kd_test_se",
        "precision_test", "recall_test", "floor_test",
    ]  # fmt: skip
    interval, limit = frechet_interval(x, statistics(real)), extrapolate(x, statistics(real))
    assert found[METRIC] == frechet_distance(statistics(x), statistics(real))
    assert (found[FD.low], found[FD.high]) == (interval.low, interval.high)
    assert (found[INFINITY.name], found[INFINITY.standard_error]) == (limit.value, limit.error)
    assert found[FD.low] < found[METRIC] < found[FD.high]
    assert found[INFINITY.name] < found[FD.high]
    assert abs(found[KERNEL.name]) > 5 * found[KERNEL.standard_error]
    assert 0 < found[PRECISION] < 1


def test_before_the_end_a_score_is_the_distance_alone():
    real, x = features(400, 0), features(200, 1)
    assert score_of(x, real, final=False) == {METRIC: frechet_distance(statistics(x), statistics(real))}


def test_pairs_are_of_as_many_real_images_as_samples_and_of_no_more_than_the_limit(monkeypatch):
    monkeypatch.setattr("fakeface.evaluation.quality.MOST_COMPARED", 100)
    real, x = features(60, 0), features(200, 1)
    found = score_of(x, real)
    shares = precision_recall(x[:60], real)
    assert (found[PRECISION], found[RECALL]) == (shares.precision, shares.recall)
    assert found[KERNEL.name] == kernel_distance(x[:100], real).value


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (3, set()),
        (79, OF_PAIRS),
        (80, OF_THE_DISTANCE | OF_PAIRS),
        (95, OF_THE_DISTANCE | OF_PAIRS),
        (96, OF_THE_DISTANCE | OF_THE_CURVE | OF_PAIRS),
    ],
)
def test_what_has_too_few_samples_is_left_out_and_the_rest_comes(n, expected):
    assert set(score_of(features(n, 1), features(400, 0))) == {METRIC, FLOOR} | expected


def test_features_that_are_not_finite_give_nan_under_every_name_but_the_floor():
    broken = features(200, 1)
    broken[7, 3] = np.nan
    found = score_of(broken, features(400, 0))
    assert set(found) == {METRIC, FLOOR} | OF_THE_DISTANCE | OF_THE_CURVE | OF_PAIRS
    assert {name for name, value in found.items() if not np.isnan(value)} == {FLOOR}


def test_a_diverged_generator_has_no_finite_features_though_its_pictures_are_black():
    config = RunConfig(data={"image_size": 32}, network={"width": 4, "latent_dim": 8})
    generator = GanState.create(config.training(), 0, torch.device("cpu")).generator
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
    assert floor_of(reference_of(real), n) == real_floor(real, n, 400)


def test_a_larger_floor_is_scaled_from_the_halves_of_all_real_images_however_few_are_kept():
    floors = [floor_of(reference_of(features(4 * D, seed), kept=10), 5 * D) for seed in range(60)]
    truth = [
        frechet_distance(statistics(features(5 * D, 2 * seed)), statistics(features(4 * D, 2 * seed + 1)))
        for seed in range(100, 160)
    ]
    assert np.mean(floors) == pytest.approx(np.mean(truth), rel=0.05)


def test_no_floor_is_scaled_from_halves_of_fewer_than_two_images_a_feature():
    with pytest.raises(UserError, match="63 real images are too few"):
        floor_of(reference_of(features(4 * D - 1, 0)), 5 * D)


def test_kid_is_what_the_kernel_distance_is_called_in_inception_s_features_only():
    names = {key: record.name for key, record in records("fid").items()}
    assert names == {
        "fd": "fid", "fd_infinity": "fid_infinity", "kd": "kid", "precision": "precision_inception",
        "recall": "recall_inception", "floor": "floor_inception",
    }  # fmt: skip
    assert records("fd_efficientnet_lite0")["kd"].name == "kd_efficientnet_lite0"


@pytest.mark.parametrize(
    "place",
    [
        "frechet_interval.py:frechet_interval",
        "extrapolation.py:extrapolate",
        "kernel_distance.py:kernel_distance",
        "precision_recall.py:precision_recall",
        "floor.py:real_floor",
        "subsets.py:kept_features",
        "quality.py:MOST_COMPARED",
    ],
)
def test_each_measure_s_code_is_in_the_identity_of_a_score_and_of_no_training(place):
    assert f"fakeface/evaluation/{place}" in code_digests(scoring_roots(RunConfig()))
    assert f"fakeface/evaluation/{place}" not in code_digests(training_roots(RunConfig()))
