"""Damaged caches of data and references: never a traceback, never wrong pixels."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakeface.config import DataConfig, EvaluationConfig
from fakeface.data import find, prepare
from fakeface.errors import UserError
from fakeface.evaluation.extractors import EXTRACTORS
from fakeface.evaluation.reference import reference

pytestmark = pytest.mark.slow

DATA = DataConfig(count=6, image_size=32)
SCORING = EvaluationConfig(num_samples=6, num_reference=6)


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole data cache and a whole reference cache."""
    folder = tmp_path_factory.mktemp("caches")
    images = prepare(DATA, folder / "data")
    reference(images.images, images.digest, SCORING, folder / "reference", code="c")
    return folder


def damage(path: Path, data: st.DataObject) -> None:
    """Truncate a file, or flip some of its bytes."""
    body = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        path.write_bytes(bytes(body[: data.draw(st.integers(0, len(body) - 1))]))
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(body))


PROPERTY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@PROPERTY
@given(data=st.data())
def test_a_damaged_data_cache_is_refused_or_whole(caches: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = find(DATA, caches / "data")
    assert whole is not None
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(caches / "data", copy)
    victim = data.draw(st.sampled_from(sorted(p for p in copy.rglob("*") if p.suffix in (".npy", ".json"))))
    damage(victim, data)
    try:
        found = find(DATA, copy)
    except UserError as error:
        assert str(copy) in str(error)
        assert "data prepare" in str(error)
    else:
        assert found is None or np.array_equal(found.images, whole.images)


@PROPERTY
@given(data=st.data())
def test_a_damaged_reference_is_computed_again(caches: Path, tmp_path: Path, data: st.DataObject) -> None:
    images = find(DATA, caches / "data")
    assert images is not None
    whole = reference(images.images, images.digest, SCORING, caches / "reference", code="c")
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(caches / "reference", copy)
    (victim,) = copy.glob("*.npz")
    damage(victim, data)
    again = reference(images.images, images.digest, SCORING, copy, code="c")
    assert again.metric == EXTRACTORS[SCORING.extractor].metric
    np.testing.assert_array_equal(again.features.mean, whole.features.mean)
    np.testing.assert_array_equal(again.features.covariance, whole.features.covariance)
