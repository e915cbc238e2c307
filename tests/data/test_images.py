"""Contact sheets and PNG files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakeface.errors import UserError
from fakeface.images import GAP, contact_sheet, save_png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_holds_each_image_in_reading_order_with_white_between(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 200, (5, 4, 6, channels), dtype=np.uint8)
    sheet = contact_sheet(images, columns=3)
    assert sheet.shape == (2 * 4 + GAP, 3 * 6 + 2 * GAP, channels) and sheet.dtype == np.uint8
    for i, image in enumerate(images):
        top, left = (i // 3) * (4 + GAP), (i % 3) * (6 + GAP)
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 6], image)
        sheet[top : top + 4, left : left + 6] = 255
    assert (sheet == 255).all()


def test_a_sheet_is_no_wider_than_its_images() -> None:
    assert contact_sheet(np.zeros((2, 4, 4, 3), dtype=np.uint8), columns=10).shape == (4, 8 + GAP, 3)


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 images"):
        contact_sheet(np.zeros((0, 4, 4, 3), dtype=np.uint8), columns=2)
    with pytest.raises(ValueError, match="0 columns"):
        contact_sheet(np.zeros((1, 4, 4, 3), dtype=np.uint8), columns=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_reads_back_as_it_was_and_replaces_the_old_one(tmp_path: Path, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    save_png(path, image)
    with Image.open(path) as read:
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_png_that_cannot_be_written_is_an_error_with_path_and_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/a\.png: cannot write the picture: No such file"):
        save_png(tmp_path / "nowhere/a.png", np.zeros((2, 2, 3), dtype=np.uint8))
