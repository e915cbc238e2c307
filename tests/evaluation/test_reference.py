"""fakeface.evaluation.reference: the draw, the cache, and the part that needs no network."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ablations.code.reached import code_digests
from ablations.jobs.scoring import Scorers
from fakeface.config import EvaluationConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.evaluation import frechet
from fakeface.evaluation.extractors import EXTRACTORS, Extractor
from fakeface.evaluation.extractors.efficientnet import EfficientNetLite0
from fakeface.evaluation.frechet import statistics
from fakeface.evaluation.reference import reference
from fakeface.evaluation.subsets import kept_features, subset
from tests.evaluation_pictures import drawn_faces

CONFIG = EvaluationConfig(extractor="means", num_samples=10, num_reference=40)
DIGEST = "d" * 64
CODE = "c" * 64


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


class Doubled(Means):
    """The same extractor by name and protocol, its code changed."""

    def _forward(self, pixels):
        return 2 * super()._forward(pixels)


@pytest.fixture(autouse=True)
def means(monkeypatch):
    monkeypatch.setattr(Means, "built", 0)
    monkeypatch.setattr(EXTRACTORS, "_components", {**EXTRACTORS._components, "means": Means})


@pytest.fixture
def images():
    return drawn_faces(60)


def test_the_reference_holds_the_statistics_of_the_drawn_images(images, tmp_path):
    found = reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    expected = statistics(Means()(images[subset(60, 40)]))
    assert found.metric == "fd_means"
    assert found.features.n == 40
    np.testing.assert_array_equal(found.features.mean, expected.mean)
    np.testing.assert_array_equal(found.features.covariance, expected.covariance)


def test_the_reference_keeps_the_features_behind_its_statistics(images, tmp_path):
    for _ in range(2):  # made, then read
        found = reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
        np.testing.assert_array_equal(found.drawn, Means()(images[subset(60, 40)]))
        assert found.drawn.dtype == np.float32
        assert found.metric == "fd_means"


def test_of_many_features_a_spread_part_is_kept_and_the_statistics_are_of_all(images, tmp_path, monkeypatch):
    monkeypatch.setitem(subset.__globals__, "KEPT_FEATURES", 12)  # the module goes by its function's name
    found = reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    features = Means()(images[subset(60, 40)])
    np.testing.assert_array_equal(found.drawn, features[subset(40, 12)])
    np.testing.assert_array_equal(found.drawn, kept_features(features))
    assert found.features.n == 40


def test_a_second_call_reads_the_cache_and_loads_no_extractor(images, tmp_path):
    first = reference(images, DIGEST, CONFIG, tmp_path / "new" / "folder", code=CODE)
    second = reference(images, DIGEST, CONFIG, tmp_path / "new" / "folder", code=CODE)
    assert Means.built == 1
    np.testing.assert_array_equal(first.features.covariance, second.features.covariance)
    np.testing.assert_array_equal(first.features.root, second.features.root)
    assert second.features.n == 40


def test_the_root_comes_from_the_cache(images, tmp_path, monkeypatch):
    first = reference(images, DIGEST, CONFIG, tmp_path, code=CODE).features.root
    monkeypatch.setattr(frechet.scipy.linalg, "eigh", None)
    np.testing.assert_array_equal(reference(images, DIGEST, CONFIG, tmp_path, code=CODE).features.root, first)


def test_the_number_of_samples_shares_a_reference(images, tmp_path):
    reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    reference(images, DIGEST, CONFIG.model_copy(update={"num_samples": 50}), tmp_path, code=CODE)
    assert Means.built == 1


@pytest.mark.parametrize(
    ("digest", "change", "code"),
    [("e" * 64, {}, CODE), (DIGEST, {"num_reference": 30}, CODE), (DIGEST, {}, "other")],
    ids=["other-data", "other-protocol", "other-code"],
)
def test_other_data_protocol_or_code_has_a_reference_of_its_own(digest, change, code, images, tmp_path):
    reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    reference(images, digest, CONFIG.model_copy(update=change), tmp_path, code=code)
    assert Means.built == 2
    assert len(list(tmp_path.iterdir())) == 2


def change(path, **arrays):
    """Write the archive with other arrays; None leaves one out."""
    with np.load(path) as file:
        content = {**file, **arrays}
    np.savez(path, **{name: array for name, array in content.items() if array is not None})


DAMAGE = {
    "half": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text(json.dumps({"mean": 0})),
    "another number": lambda path: change(path, mean=np.zeros(64)),
    "an array less": lambda path: change(path, covariance=None),
    "no features, as before they were kept": lambda path: change(path, drawn=None),
    "features in another order": lambda path: change(path, drawn=np.load(path)["drawn"][::-1]),
    "a pickled object": lambda path: np.savez(path, mean=np.array([print], dtype=object)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_reference_is_computed_again_and_replaced(damage, images, tmp_path):
    intact = reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    (path,) = tmp_path.iterdir()
    DAMAGE[damage](path)
    for _ in range(2):
        again = reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
        np.testing.assert_array_equal(again.features.mean, intact.features.mean)
        np.testing.assert_array_equal(again.features.covariance, intact.features.covariance)
        np.testing.assert_array_equal(again.drawn, intact.drawn)
    assert Means.built == 2  # once at first, once for the damage
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file_behind(images, tmp_path, monkeypatch):
    def interrupted(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    assert list(tmp_path.iterdir()) == []


def test_a_reference_is_on_the_disk_before_it_is_in_its_place(images, tmp_path, monkeypatch):
    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(UserError, match="cannot keep the statistics of the real images: Input/output error"):
        reference(images, DIGEST, CONFIG, tmp_path, code=CODE)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_user_error(images, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file: cannot keep the statistics"):
        reference(images, DIGEST, CONFIG, tmp_path / "file", code=CODE)


def scorer(images, cache):
    image_set = ImageSet(images, DIGEST, "faces", "drawn", ())
    job = SimpleNamespace(config=SimpleNamespace(evaluation=CONFIG), protocol={})
    return Scorers(lambda _: image_set, cache, torch.device("cpu"))(job)


def test_a_changed_extractor_never_meets_the_reference_of_the_former_one(images, tmp_path, monkeypatch):
    former = scorer(images, tmp_path).prepare(None)
    monkeypatch.setattr(EXTRACTORS, "_components", {**EXTRACTORS._components, "means": Doubled})
    changed = scorer(images, tmp_path).prepare(None)
    np.testing.assert_array_equal(changed.features.mean, 2 * former.features.mean)
    again = scorer(images, tmp_path).prepare(None)
    np.testing.assert_array_equal(again.features.mean, changed.features.mean)
    assert Means.built == 2, "the third reference came from the cache"


def test_a_scorer_keeps_the_reference_that_it_prepared(images, tmp_path):
    prepared = scorer(images, tmp_path)
    assert prepared.prepare(None) is prepared.reference


def test_a_score_s_identity_knows_no_code_of_the_network_free_measures():
    reached = code_digests([reference, EfficientNetLite0])
    assert not [
        name
        for name in reached
        if name.startswith(("fakeface/evaluation/spectrum.py", "fakeface/evaluation/diversity.py"))
    ]
    pixels = {name for name in reached if name.startswith("fakeface/evaluation/pixels.py")}
    assert pixels == {"fakeface/evaluation/pixels.py:THUMBNAIL", "fakeface/evaluation/pixels.py:check_images"}


def test_progress_counts_the_reference_images(images, tmp_path):
    seen = []
    reference(images, DIGEST, CONFIG, tmp_path, lambda done, total: seen.append((done, total)), code=CODE)
    assert seen[-1] == (40, 40)


def test_the_draw_is_the_same_every_time_without_repeats_and_spread():
    drawn = subset(10_000, 500)
    np.testing.assert_array_equal(drawn, subset(10_000, 500))
    assert len(np.unique(drawn)) == 500
    assert drawn.min() < 500 < 9_500 < drawn.max()


def test_the_draw_takes_all_where_there_are_no_more():
    np.testing.assert_array_equal(subset(7, 50_000), np.arange(7))
