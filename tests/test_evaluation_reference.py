"""fakeface.evaluation.reference: the draw, the cache, and the part that needs no network."""

import json

import numpy as np
import pytest

from fakeface.config import EvaluationConfig
from fakeface.errors import UserError
from fakeface.evaluation import EXTRACTORS, Extractor, real_statistics, reference, statistics
from fakeface.evaluation.reference import draw
from tests.evaluation_pictures import drawn_faces

CONFIG = EvaluationConfig(extractor="means", num_samples=10, num_reference=40)
DIGEST = "d" * 64


class Means(Extractor):
    """The 8x8 corner, as 64 features. Counts how often it is built."""

    name = "means"
    metric = "fd_means"
    dimension = 64
    weights_sha256 = ""
    protocol = {"extractor": "means"}  # noqa: RUF012
    built = 0

    def __init__(self, weights_path=None, device="cpu"):
        super().__init__(weights_path, device)
        Means.built += 1

    def _forward(self, pixels):
        return pixels[:, 0, :8, :8].float().flatten(1)


@pytest.fixture(autouse=True)
def means(monkeypatch):
    monkeypatch.setattr(Means, "built", 0)
    monkeypatch.setattr(EXTRACTORS, "_components", {**EXTRACTORS._components, "means": Means})


@pytest.fixture
def images():
    return drawn_faces(60)


def test_the_reference_holds_the_statistics_of_the_drawn_images(images, tmp_path):
    found = reference(images, DIGEST, CONFIG, tmp_path)
    expected = statistics(Means()(images[draw(60, 40)]))
    assert found.metric == "fd_means"
    assert found.features.n == 40
    np.testing.assert_array_equal(found.features.mean, expected.mean)
    np.testing.assert_array_equal(found.features.covariance, expected.covariance)


def test_a_second_call_reads_the_cache_and_loads_no_extractor(images, tmp_path):
    first = reference(images, DIGEST, CONFIG, tmp_path / "new" / "folder")
    second = reference(images, DIGEST, CONFIG, tmp_path / "new" / "folder")
    assert Means.built == 1
    np.testing.assert_array_equal(first.features.covariance, second.features.covariance)
    assert second.features.n == 40


def test_the_number_of_samples_shares_a_reference(images, tmp_path):
    reference(images, DIGEST, CONFIG, tmp_path)
    reference(images, DIGEST, CONFIG.model_copy(update={"num_samples": 50}), tmp_path)
    assert Means.built == 1


@pytest.mark.parametrize(
    ("digest", "change"),
    [("e" * 64, {}), (DIGEST, {"num_reference": 30})],
    ids=["other-data", "other-protocol"],
)
def test_other_data_or_another_protocol_have_a_reference_of_their_own(digest, change, images, tmp_path):
    reference(images, DIGEST, CONFIG, tmp_path)
    reference(images, digest, CONFIG.model_copy(update=change), tmp_path)
    assert Means.built == 2
    assert len(list(tmp_path.iterdir())) == 2


def truncate(path):
    path.write_bytes(path.read_bytes()[:1000])


def empty(path):
    path.write_bytes(b"")


def replace_with_text(path):
    path.write_text(json.dumps({"mean": 0}))


def change_a_number(path):
    with np.load(path) as file:
        content = dict(file)
    content["mean"] = content["mean"] + 1
    np.savez(path, **content)


def leave_out_an_array(path):
    with np.load(path) as file:
        content = dict(file)
    del content["covariance"]
    np.savez(path, **content)


def pickle_an_object(path):
    np.savez(path, mean=np.array([print], dtype=object))


@pytest.mark.parametrize(
    "damage", [truncate, empty, replace_with_text, change_a_number, leave_out_an_array, pickle_an_object]
)
def test_a_damaged_cache_is_computed_again_and_mended(damage, images, tmp_path):
    intact = reference(images, DIGEST, CONFIG, tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    for _ in range(2):
        again = reference(images, DIGEST, CONFIG, tmp_path)
        np.testing.assert_array_equal(again.features.mean, intact.features.mean)
        np.testing.assert_array_equal(again.features.covariance, intact.features.covariance)
    assert Means.built == 2  # once at first, once for the damage
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file_behind(images, tmp_path, monkeypatch):
    def interrupted(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reference(images, DIGEST, CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_the_reference_images(images, tmp_path):
    seen = []
    reference(images, DIGEST, CONFIG, tmp_path, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)


def test_the_draw_is_the_same_every_time_without_repeats_and_spread():
    drawn = draw(10_000, 500)
    np.testing.assert_array_equal(drawn, draw(10_000, 500))
    assert len(np.unique(drawn)) == 500
    assert drawn.min() < 500 < 9_500 < drawn.max()


def test_the_draw_takes_all_where_there_are_no_more():
    np.testing.assert_array_equal(draw(7, 50_000), np.arange(7))


def test_the_network_free_part_is_had_without_any_extractor(images, monkeypatch):
    monkeypatch.setattr(EXTRACTORS, "_components", {})
    real = real_statistics(images)
    assert real.spectrum.shape == (16,)
    assert 0 < real.distance < 1
    assert real.duplicates == 0
    assert real.layout.mean.shape == (64,)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((1, 32, 32, 1), np.uint8), "at least 2 images"),
        (np.zeros((4, 32, 24, 1), np.uint8), "square"),
        (np.zeros((4, 30, 30, 1), np.uint8), "multiple of 8"),
    ],
)
def test_images_that_cannot_be_a_reference_are_refused(bad, message):
    with pytest.raises(UserError, match=message):
        real_statistics(bad)
