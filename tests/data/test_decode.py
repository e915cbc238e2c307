"""One image file -> one array: every mode comes out with the right pixels, or with a reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from fakeface.data._decode import EXTENSIONS, MAX_PIXELS, Undecodable, decode_square, resized


def decode(path: Path, size: int, channels: int, crop: int | None = None) -> NDArray[np.uint8]:
    return resized(decode_square(path, channels, crop), size, channels)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def flat(path: Path, channels: int = 3, size: int = 8) -> list[int]:
    """The one colour of a decoded image."""
    pixels = decode(path, size, channels)
    assert pixels.shape == (size, size, channels) and pixels.dtype == np.uint8
    assert (pixels == pixels[0, 0]).all(), "not of one colour"
    return [int(v) for v in pixels[0, 0]]


@pytest.mark.parametrize(
    ("mode", "colour", "rgb", "grey"),
    [
        ("RGB", (200, 100, 50), [200, 100, 50], [124]),
        ("L", 77, [77, 77, 77], [77]),
        ("1", 1, [255, 255, 255], [255]),
        ("RGBA", (200, 100, 50, 255), [200, 100, 50], [124]),
        ("RGBA", (0, 0, 0, 0), [255, 255, 255], [255]),
        ("RGBA", (0, 0, 0, 51), [204, 204, 204], [204]),
        ("LA", (77, 255), [77, 77, 77], [77]),
        ("LA", (0, 0), [255, 255, 255], [255]),
    ],
)
def test_each_png_mode_gives_its_colour_over_white(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...], rgb: list[int], grey: list[int]
) -> None:
    path = save(tmp_path / "a.png", Image.new(mode, (20, 20), colour))
    assert flat(path) == rgb
    assert flat(path, channels=1) == grey


@pytest.mark.parametrize("size", [8, 32])
def test_palette_images_give_their_palette_colours(tmp_path: Path, size: int) -> None:
    image = Image.new("P", (20, 20), 3)
    image.putpalette([0, 0, 0] * 3 + [200, 100, 50])
    assert flat(save(tmp_path / "a.gif", image), size=size) == [200, 100, 50]
    assert flat(save(tmp_path / "a.png", image), channels=1, size=size) == [124]


def test_a_transparent_palette_entry_becomes_white(tmp_path: Path) -> None:
    image = Image.new("P", (20, 20), 3)
    image.putpalette([0, 0, 0] * 3 + [200, 100, 50])
    path = save(tmp_path / "a.png", image, transparency=3)
    assert flat(path) == [255, 255, 255]
    assert flat(path, channels=1) == [255]


def test_a_transparent_colour_of_an_rgb_image_becomes_white(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (20, 20), (200, 100, 50)), transparency=(200, 100, 50))
    assert flat(path) == [255, 255, 255]


@pytest.mark.parametrize(
    ("ink", "rgb"),
    [((0, 0, 0, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0)), ((255, 0, 0, 0), (0, 255, 255))],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_ink_becomes_light(
    tmp_path: Path, name: str, ink: tuple[int, ...], rgb: tuple[int, ...]
) -> None:
    path = save(tmp_path / name, Image.new("CMYK", (16, 16), ink))
    np.testing.assert_allclose(decode(path, 8, 3)[4, 4], rgb, atol=3)
    np.testing.assert_allclose(decode(path, 8, 1)[4, 4, 0], np.dot(rgb, [0.299, 0.587, 0.114]), atol=4)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, name: str) -> None:
    values = np.repeat(np.array([0, 257 * 60, 257 * 61 - 1, 65535], dtype=np.uint16), 8)
    image = Image.fromarray(np.tile(values, (32, 1)))
    assert image.mode == "I;16"
    path = save(tmp_path / name, image)
    pixels = decode(path, 32, 1)[0, ::8, 0]
    assert decode(path, 32, 3).shape == (32, 32, 3)
    assert pixels.tolist() == [0, 60, 61, 255]


def test_sixteen_bits_of_colour_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">4H", 0x8012, 0x40FF, 0xFFFF, 0xFFFF) * 8  # Pillow writes no such file
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * 8)),
        (b"IEND", b""),
    ]
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    assert np.abs(np.array(flat(path)) - (0x80, 0x40, 0xFF)).max() <= 1


def test_each_palette_entry_has_its_own_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (20, 20), 3)
    image.putpalette([0, 0, 0] * 3 + [200, 100, 50])
    path = save(tmp_path / "a.png", image, transparency=bytes([255, 255, 255, 51]))
    assert flat(path) == [244, 224, 214]  # a fifth of the colour, and white


def test_pixels_without_a_defined_range_are_refused(tmp_path: Path) -> None:
    wide = save(tmp_path / "a.tif", Image.fromarray(np.full((8, 8), 70_000, dtype=np.int32)))
    real = save(tmp_path / "b.tif", Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32)))
    with pytest.raises(Undecodable, match="32-bit pixels have no defined range"):
        decode(wide, 8, 3)
    with pytest.raises(Undecodable, match="floating-point pixels have no defined range"):
        decode(real, 8, 1)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LINEAR_RGB = SRGB.replace("sRGB".encode("utf-16-be"), "line".encode("utf-16-be"))
LINEAR_RGB = (
    LINEAR_RGB[: (curve := LINEAR_RGB.index(b"para"))] + b"curv" + bytes(8) + LINEAR_RGB[curve + 12 :]
)
"""sRGB's colours with a gamma of 1: the same numbers are lighter."""


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_colours_are_converted_from_their_profile_to_srgb(tmp_path: Path, name: str) -> None:
    image = Image.new("RGB", (16, 16), (128, 128, 128))
    tagged = decode(save(tmp_path / name, image, icc_profile=LINEAR_RGB), 8, 3)[4, 4].astype(int)
    assert abs(tagged - 188).max() <= 2  # 255 * sRGB's encoding of 128 / 255
    grey = decode(save(tmp_path / name, image, icc_profile=LINEAR_RGB), 8, 1)[4, 4].astype(int)
    assert abs(grey - 188).max() <= 2
    see_through = Image.new("RGBA", (16, 16), (128, 128, 128, 255))
    assert abs(np.array(flat(save(tmp_path / "b.png", see_through, icc_profile=LINEAR_RGB))) - 188).max() <= 2


def test_a_grey_image_is_converted_from_the_profile_of_its_grey(tmp_path: Path) -> None:
    profile = LINEAR_RGB.replace(b"RGB XYZ ", b"GRAYXYZ ", 1).replace(b"rTRC", b"kTRC", 1)
    path = save(tmp_path / "a.png", Image.new("L", (16, 16), 128), icc_profile=profile)
    for channels in (1, 3):
        assert all(abs(value - 188) <= 2 for value in flat(path, channels))


def test_a_profile_of_srgb_a_damaged_one_and_one_that_does_not_fit_change_nothing(tmp_path: Path) -> None:
    for mode, profile in (("RGB", SRGB), ("RGB", b"nonsense"), ("RGB", LINEAR_RGB[:100]), ("L", LINEAR_RGB)):
        image = Image.new(mode, (16, 16), 90 if mode == "L" else (90, 90, 90))
        assert flat(save(tmp_path / "a.png", image, icc_profile=profile)) == [90, 90, 90]


def test_exif_orientation_is_applied_before_the_crop(tmp_path: Path) -> None:
    # Stored 40x20 lying on its side, red on the left; orientation 6 turns it by 90 degrees clockwise: red on top.
    stored = np.zeros((20, 40, 3), dtype=np.uint8)
    stored[:, :20] = (255, 0, 0)
    stored[:, 20:] = (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", Image.fromarray(stored), exif=exif)
    pixels = decode(path, 20, 3)
    assert pixels[2, 10].tolist() == [255, 0, 0]
    assert pixels[17, 10].tolist() == [0, 0, 255]


TURNED = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
"""EXIF orientation -> how the upright picture is stored."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.avif"])
def test_every_orientation_comes_out_upright(tmp_path: Path, name: str, orientation: int) -> None:
    upright = np.zeros((32, 32, 3), dtype=np.uint8)
    upright[:16, :16], upright[:16, 16:], upright[16:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation](upright)))
    pixels = decode(save(tmp_path / name, stored, exif=exif), 32, 3)
    for place in ((4, 4), (4, 28), (28, 4), (28, 28)):
        np.testing.assert_allclose(pixels[place], upright[place], atol=40)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif", "a.avif", "a.mpo", "a.jpg", "a.heic"])
def test_of_several_pictures_in_a_file_the_first_counts(tmp_path: Path, name: str) -> None:
    first, second = (Image.new("RGB", (32, 32), colour) for colour in ((200, 100, 50), (0, 0, 255)))
    kind = {"a.jpg": {"format": "MPO"}}.get(name, {})  # as telephones write portraits
    path = save(tmp_path / name, first, save_all=True, append_images=[second], **kind)
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 2
    np.testing.assert_allclose(decode(path, 8, 3)[4, 4], (200, 100, 50), atol=8)


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.avif"])
def test_heic_and_avif_are_read_with_their_profile_and_transparency(tmp_path: Path, name: str) -> None:
    assert Path(name).suffix.lower() in EXTENSIONS
    grey = Image.new("RGB", (32, 32), (128, 128, 128))
    kind = "AVIF" if name == "a.avif" else "HEIF"
    assert abs(decode(save(tmp_path / name, grey, format=kind), 8, 3).astype(int) - 128).max() <= 2
    tagged = save(tmp_path / name, grey, format=kind, icc_profile=LINEAR_RGB)
    assert abs(decode(tagged, 8, 1).astype(int) - 188).max() <= 3
    clear = save(tmp_path / name, Image.new("RGBA", (32, 32), (0, 0, 0, 0)), format=kind)
    assert decode(clear, 8, 3).min() >= 253


@pytest.mark.parametrize("tall", [False, True])
def test_non_square_images_give_their_centre_square_undistorted(tmp_path: Path, tall: bool) -> None:
    picture = np.zeros((10, 30), dtype=np.uint8)
    picture[:, 10:20] = 200  # just the centre square
    path = save(tmp_path / "a.png", Image.fromarray(picture.T.copy() if tall else picture))
    assert flat(path, channels=1, size=10) == [200]


def test_a_crop_cuts_the_centre_and_is_no_larger_than_the_image(tmp_path: Path) -> None:
    picture = np.zeros((20, 20), dtype=np.uint8)
    picture[5:15, 5:15] = 200
    path = save(tmp_path / "a.png", Image.fromarray(picture))
    assert (decode(path, 10, 1, crop=10) == 200).all()
    assert decode(path, 20, 1, crop=178)[..., 0].tolist() == picture.tolist()


def test_a_tiny_image_is_enlarged(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (1, 3), (10, 20, 30)))
    assert flat(path, size=32) == [10, 20, 30]


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = decode(save(tmp_path / "a.png", Image.fromarray(stripes)), 8, 1)
    assert np.abs(pixels.astype(int) - 127).max() <= 12  # picking single pixels would give 0 or 255


def test_a_bomb_is_refused_from_its_header_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (8001, 8000)))
    assert MAX_PIXELS < 8001 * 8000

    def no_decoding(_: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_decoding)
    with pytest.raises(Undecodable, match="8001x8000 is over the limit"):
        decode(path, 8, 3)


def test_pillows_own_bomb_error_is_a_reason_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (300, 300)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(Undecodable, match="over the limit"):
        decode(path, 8, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.tif", "a.bmp"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = save(tmp_path / name, Image.fromarray(noise)).read_bytes()
    path = tmp_path / f"cut-{name}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Undecodable, match="cannot be decoded"):
        decode(path, 8, 3)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am no picture", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(Undecodable, match=r"not an image in a known format|cannot be decoded"):
        decode(path, 8, 3)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("png", "jpeg", "gif", "tiff", "webp"):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(buffer, format=name)
        whole = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
        refused = 0
        for i in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, min(len(whole), 200), 4)] = rng.integers(0, 256, 4)
            path = tmp_path / f"{i}.{name}"
            path.write_bytes(damaged.tobytes())
            try:
                assert decode(path, 8, 3).shape == (8, 8, 3)
            except Undecodable:
                refused += 1
        assert refused > 0, name
