"""One image file -> one uint8 array: upright, right colours, centre square, one antialiased resize."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

VERSION = 2
"""Raise it when decoding gives other pixels: cached arrays are then rebuilt."""
MAX_PIXELS = 64_000_000
"""A larger image is refused from its header alone: it may be a decompression bomb."""
BACKGROUND = (255, 255, 255)
"""What shows through transparent pixels: white."""
UNSUPPORTED = {"EPS", "MPEG", "BUFR", "GRIB", "HDF5", "WMF"}
"""Known to Pillow, but run by an outside interpreter (EPS) or not decoded at all."""

with suppress(ImportError):  # the extra `heif`
    from pillow_heif import register_heif_opener

    register_heif_opener()
Image.init()
FORMATS = sorted(set(Image.OPEN) - UNSUPPORTED, key=lambda name: (name not in ("JPEG", "PNG"), name))
"""The usual ones first: Pillow tries one after another."""
EXTENSIONS = frozenset(ext for ext, name in Image.registered_extensions().items() if name in FORMATS)
"""Lower-case, with the dot."""
_SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}
"""Pillow's modes -> the colour space of a profile that fits."""


class Undecodable(Exception):
    """Why a file gives no image, in a few words."""


def decode_square(path: Path, channels: int, crop: int | None = None) -> Image.Image:
    """Read the centre square of an image file: mode L (luminance by ITU-R BT.601) for one channel, L or RGB for three.

    It is `crop` pixels wide, or as wide as the image allows if that is less. Of several pictures in a file, the first.

    Raises:
        Undecodable: the file is no image, truncated, too large, or of a pixel type without a defined range.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Undecodable(f"{image.width}x{image.height} is over the limit of {MAX_PIXELS:,} pixels")
            return _centre_square(_flat(ImageOps.exif_transpose(image), channels), crop)
    except Undecodable:
        raise
    except Image.DecompressionBombError:
        raise Undecodable(f"over the limit of {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        raise Undecodable("not an image in a known format") from None
    except Exception as error:  # on damaged input Pillow's decoders raise almost anything
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Undecodable(f"cannot be decoded: {why}") from None


def resized(square: Image.Image, size: int, channels: int) -> NDArray[np.uint8]:
    """A square from `decode_square` as (size, size, channels) uint8."""
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))
    return np.repeat(pixels[..., None], channels, axis=2) if pixels.ndim == 2 else pixels


def is_image(path: Path) -> bool:
    """Whether the first bytes of a file are those of an image in a known format."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except Exception:  # as in `decode`
        return False


def _flat(image: Image.Image, channels: int) -> Image.Image:
    """To mode L or RGB: colours in sRGB, transparency composited, 16 bits scaled."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = _from_16_bit(image)
    if image.mode == "F":
        raise Undecodable("floating-point pixels have no defined range: save it with 8 or 16 bits")
    if profile:  # which is for colours: not for palettes, nor for the one colour that means transparent
        plain = image.mode != "P" and not image.has_transparency_data
        image = _in_srgb(image if plain else image.convert("RGBA"), profile)
    if image.has_transparency_data:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, BACKGROUND), over).convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "L" or (image.mode == "RGB" and channels == 3):
        return image
    rgb = image.convert("RGB")  # palettes and CMYK have no direct way to L
    return rgb if channels == 3 else rgb.convert("L")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours converted from their ICC profile. A profile that is damaged or of another colour space has no effect."""
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        fits = own.profile.xcolor_space.strip() == _SPACES.get(image.mode)
        if not fits or "srgb" in ImageCms.getProfileDescription(own).lower():
            return image
        mode = image.mode if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted or image


def _from_16_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise Undecodable("32-bit pixels have no defined range: save it with 8 or 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _centre_square(image: Image.Image, crop: int | None) -> Image.Image:
    side = min(image.width, image.height, crop or image.width)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
