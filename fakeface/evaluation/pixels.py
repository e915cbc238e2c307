"""Luminance and small low-pass pictures, for the measures that need no network. NumPy only."""

import numpy as np
import numpy.typing as npt

from fakeface.errors import UserError

Images = npt.NDArray[np.uint8]
"""uint8, (N, H, W, C) with C in {1, 3}."""
Array = npt.NDArray[np.float64]

THUMBNAIL = 8
"""Height and width of the low-pass pictures: enough for pose, light and hair, without pixel noise."""

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_FAINT = 0.25 / 255
"""Rounding to 256 levels; a fainter picture is not amplified."""


def check_images(images: Images, least: int = 1) -> None:
    """Raise UserError unless these are at least `least` square uint8 pictures.

    Raises:
        UserError: wrong type, shape, channel count, or too few.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(
            f"images to evaluate must be uint8 of shape (N, H, W, 1 or 3), got {images.dtype} {images.shape}"
        )
    height, width = images.shape[1:3]
    if height != width or height < THUMBNAIL or height % THUMBNAIL:
        raise UserError(
            f"images to evaluate must be square, their side a multiple of {THUMBNAIL}; got {height}x{width}"
        )
    if len(images) < least:
        raise UserError(f"at least {least} images are needed to evaluate, got {len(images)}")


def luminance(images: Images) -> Array:
    """(N, H, W, C) uint8 -> (N, H, W) in [0, 1]."""
    if images.shape[-1] == 1:
        return images[..., 0] / 255.0
    grey: Array = images @ (_LUMINANCE / 255.0)
    return grey


def to_levels(grey: Array) -> Images:
    """Values in [0, 1], rounded and clipped to uint8 of the same shape."""
    return np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)


def layouts(images: Images) -> Array:
    """(N, H, W, C) uint8 -> (N, 64): where each picture is light and dark, whatever its brightness and contrast.

    The luminance means of the cells of an 8x8 grid, less their mean, scaled to mean square 1: two pictures without
    anything in common are √2 apart (root mean square), a picture and its own blurred or darker copy near 0. A picture
    of one colour has zeros.
    """
    n, height, width, _ = images.shape
    cells = luminance(images).reshape(n, THUMBNAIL, height // THUMBNAIL, THUMBNAIL, width // THUMBNAIL)
    small = cells.mean(axis=(2, 4)).reshape(n, -1)
    small -= small.mean(axis=1, keepdims=True)
    flattened: Array = small / (small.std(axis=1, keepdims=True) + _FAINT)
    return flattened
