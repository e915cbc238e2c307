"""What holds for every registered data set."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakeface.config import DataConfig
from fakeface.data import DATASETS, find, prepare
from fakeface.registry import UnknownComponent

NAMES = list(DATASETS)


def settings(name: str, folder: Path, channels: int = 3) -> DataConfig:
    """Nine images of any data set, from a local folder where it reads files."""
    folder.mkdir(exist_ok=True)
    for i in range(9):
        pixels = np.random.default_rng(i).integers(0, 256, (218, 178, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return DataConfig.model_validate(
        {"name": name, "path": str(folder), "count": 9, "image_size": 32, "channels": channels}
    )


def test_the_four_data_sets_are_registered() -> None:
    assert NAMES == ["synthetic", "folder", "celeba", "lfw"]


def test_an_unknown_name_lists_the_known_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownComponent, match=r"'celebb' — did you mean 'celeba'.*synthetic, folder"):
        prepare(DataConfig(name="celebb"), tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_preparing_twice_gives_the_same_images_and_digest(tmp_path: Path, name: str, channels: int) -> None:
    config = settings(name, tmp_path / "source", channels)
    first = prepare(config, tmp_path / "a")
    second = prepare(config, tmp_path / "b")
    assert first.images.shape == (9, 32, 32, channels) and first.images.dtype == np.uint8
    assert first.digest == second.digest and len(first.digest) == 64
    assert first.name == name and first.source and first.skipped == ()
    assert len(np.unique(first.images.reshape(9, -1), axis=0)) == 9
    found = find(config, tmp_path / "a")
    assert found is not None and found.digest == first.digest


@pytest.mark.parametrize("name", NAMES)
def test_a_source_reads_any_part_of_itself_alike_here_and_in_a_worker(tmp_path: Path, name: str) -> None:
    config = settings(name, tmp_path / "source")
    source = DATASETS[name].source(config, tmp_path / "downloads", fetch=True)
    items = source.items()
    assert len(items) == 9
    whole = source.read(items, 32, 3)
    part = pickle.loads(pickle.dumps(source)).read(items[4:6], 32, 3)
    np.testing.assert_array_equal(part.images, whole.images[4:6])


@pytest.mark.parametrize("name", NAMES)
def test_asking_what_is_cached_downloads_nothing(tmp_path: Path, name: str) -> None:
    config = settings(name, tmp_path / "source")
    assert find(config, tmp_path / "cache") is None
    if name != "folder":
        assert find(config.model_copy(update={"path": None}), tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()
