"""The portraits: deterministic by index, and many different people."""

from pathlib import Path

import numpy as np
import pytest

from fakeface.config import DataConfig
from fakeface.data import prepare
from fakeface.data.portraits import render
from fakeface.data.portraits.draws import draw_people


@pytest.mark.parametrize("size", [32, 64, 128])
def test_portraits_fill_the_range_of_uint8(size: int) -> None:
    images = render(0, 8, size)
    assert images.shape == (8, size, size, 3) and images.dtype == np.uint8
    assert images.min() < 25 and images.max() > 230


def test_an_image_is_the_same_alone_in_any_batch_and_at_any_place_in_it() -> None:
    images = render(0, 40, 32)
    for start, stop in ((7, 8), (5, 30), (16, 40), (39, 40)):
        np.testing.assert_array_equal(render(start, stop, 32), images[start:stop])


def test_an_image_is_the_same_whatever_the_count_and_the_number_of_processes(tmp_path: Path) -> None:
    few = prepare(DataConfig(count=40, image_size=32), tmp_path)
    many = prepare(DataConfig(count=1100, image_size=32), tmp_path, workers=2)
    np.testing.assert_array_equal(many.images[:40], few.images)
    np.testing.assert_array_equal(many.images[1056:1100], render(1056, 1100, 32))


def test_the_small_picture_is_the_large_one_seen_from_afar() -> None:
    small, large = render(0, 16, 32).astype(float), render(0, 16, 64).astype(float)
    shrunk = large.reshape(16, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - shrunk).mean() < 3


def test_one_channel_is_the_luminance_of_three(tmp_path: Path) -> None:
    colour = prepare(DataConfig(count=10, image_size=32, channels=3), tmp_path).images
    grey = prepare(DataConfig(count=10, image_size=32, channels=1), tmp_path).images
    np.testing.assert_allclose(grey[..., 0], colour @ np.array([0.299, 0.587, 0.114]), atol=0.5001)


def test_no_two_portraits_are_alike() -> None:
    images = render(0, 200, 32).reshape(200, -1).astype(np.float32)
    squares = (images**2).sum(axis=1)
    distances = squares[:, None] + squares[None] - 2 * images @ images.T
    np.fill_diagonal(distances, np.inf)
    assert np.sqrt(distances.min() / images.shape[1]) > 8  # grey levels, root mean square


def test_at_least_a_dozen_factors_vary_independently_of_one_another() -> None:
    people = draw_people(range(600))
    factors = np.stack(
        [
            people.head.skin[0].ravel(),
            people.hair.top.ravel(),
            people.hair.part.ravel(),
            people.hair.curl.ravel(),
            people.eyes.spacing.ravel(),
            people.eyes.width.ravel(),
            people.eyes.brow_arch.ravel(),
            people.mouth.nose_length.ravel(),
            people.mouth.smile.ravel(),
            people.extras.glasses.ravel(),
            people.pose.yaw[0].ravel(),
            people.pose.roll[0].ravel(),
            people.pose.scale.ravel(),
            people.extras.light[0].ravel(),
            people.extras.warmth.ravel(),
            people.extras.wall[0][0].ravel(),
            people.extras.cloth[1].ravel(),
        ]
    )
    assert factors.shape == (17, 600)
    correlation = np.corrcoef(factors) - np.eye(17)
    correlation[1, 3] = correlation[3, 1] = 0  # curls stand up: the one link that is meant
    assert np.abs(correlation).max() < 0.2


def test_faces_are_aligned_so_that_their_mean_is_a_face() -> None:
    mean = render(0, 400, 32).mean(axis=(0, 3))
    for eye in (slice(10, 13), slice(19, 22)):
        assert mean[13:15, 15:17].mean() > mean[13:15, eye].mean() + 10  # darker than the bridge of the nose
        assert mean[17:19, eye].mean() > mean[13:15, eye].mean() + 10  # and than the cheeks
    assert mean[3:6, 12:20].mean() < mean[9:12, 12:20].mean() - 40  # hair above the forehead
    assert abs(mean[:, :16].mean() - mean[:, 16:].mean()) < 8  # neither side is preferred
