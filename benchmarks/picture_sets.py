"""Sets of pictures of many kinds, drawn or cut from what packages ship: 32 x 32 unless the name says otherwise.

Half of them were held out: no rule or constant of `fakeface.evaluation` was chosen with a look at them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import scipy.ndimage
from matplotlib.cbook import get_sample_data
from matplotlib.colors import LightSource
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits, load_sample_image

from fakeface.data.portraits import render
from fakeface.data.synthetic import LUMA
from fakeface.evaluation.pixels import Images

SIZE = 32
COUNT = 1_200
"""Images of a set that can be drawn at will."""
FINE = 4
"""Lines are drawn this many times larger, then averaged."""

Draw = Callable[[np.random.Generator], tuple[Images, npt.NDArray[np.int64] | None]]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PictureSet:
    """A kind of picture."""

    name: str
    held_out: bool
    draw: Draw
    """A random generator -> images (M, H, W, C) uint8 and the class of each, where there are classes."""


def to_uint8(values: npt.NDArray[np.floating]) -> Images:
    """Levels, rounded and clipped."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def portraits(size: int, channels: int, count: int = COUNT // 2) -> Draw:
    """The built-in faces."""

    def draw(random: np.random.Generator) -> tuple[Images, None]:
        first = int(random.integers(0, 100_000))
        images = render(first, first + count, size)
        return (images if channels == 3 else to_uint8(images @ LUMA)[..., None]), None

    return draw


def digits(random: np.random.Generator) -> tuple[Images, npt.NDArray[np.int64]]:
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, enlarged by splines."""
    found = load_digits()
    order = random.permutation(len(found.images))
    large = scipy.ndimage.zoom(found.images[order] * (255 / 16), (1, SIZE // 8, SIZE // 8), order=3)
    return to_uint8(large)[..., None], found.target[order].astype(np.int64)


def photograph(name: str) -> Image.Image:
    """A photograph that scikit-learn or matplotlib ships."""
    if name == "grace_hopper.jpg":
        return Image.open(get_sample_data(name, asfileobj=False)).convert("RGB")
    return Image.fromarray(load_sample_image(name))


def _patches(whole: Image.Image, sides: tuple[int, int], random: np.random.Generator) -> Images:
    """Squares of a picture with sides from one number of pixels to another."""
    found = []
    for _ in range(COUNT):
        side = int(random.integers(sides[0], sides[1] + 1))
        left, top = (int(random.integers(0, extent - side)) for extent in whole.size)
        patch = whole.crop((left, top, left + side, top + side))
        found.append(np.asarray(patch.resize((SIZE, SIZE), Image.Resampling.LANCZOS)))
    return np.stack(found)


def patches(name: str) -> Draw:
    """Squares of 48 to 96 pixels of a photograph."""
    return lambda random: (_patches(photograph(name), (48, 96), random), None)


_DRAWINGS: dict[str, list[list[tuple[float, float]]]] = {
    "house": [[(2, 9), (2, 5), (8, 5), (8, 9), (2, 9)], [(1, 5), (5, 1), (9, 5)], [(4, 9), (4, 7), (6, 7), (6, 9)]],
    "tree": [[(5, 9), (5, 2)], [(5, 6), (2, 4)], [(5, 6), (8, 4)], [(5, 4), (3, 2)], [(5, 4), (7, 2)]],
    "man": [[(5, 3), (5, 6)], [(2, 5), (5, 4), (8, 5)], [(3, 9), (5, 6), (7, 9)], [(4, 1), (6, 1), (5, 3), (4, 1)]],
    "boat": [[(1, 6), (2, 8), (8, 8), (9, 6), (1, 6)], [(5, 6), (5, 1), (8, 5), (5, 5)]],
    "cup": [[(2, 2), (3, 8), (6, 8), (7, 2), (2, 2)], [(7, 3), (9, 4), (8, 6), (6.5, 6)]],
    "star": [[(5, 1), (7, 9), (1, 4), (9, 4), (3, 9), (5, 1)]],
    "fish": [[(1, 5), (4, 3), (7, 5), (4, 7), (1, 5)], [(7, 5), (9, 3), (9, 7), (7, 5)], [(3, 4.7), (3.4, 4.7)]],
    "letter": [[(1, 3), (9, 3), (9, 8), (1, 8), (1, 3)], [(1, 3), (5, 6), (9, 3)]],
    "table": [[(1, 4), (9, 4)], [(2, 4), (2, 9)], [(8, 4), (8, 9)], [(4, 4), (4, 2), (6, 2), (6, 4)]],
    "kite": [[(5, 1), (8, 4), (5, 7), (2, 4), (5, 1)], [(5, 1), (5, 7)], [(5, 7), (4, 8), (6, 9)]],
    "clock": [[(3, 1), (7, 1), (9, 3), (9, 7), (7, 9), (3, 9), (1, 7), (1, 3), (3, 1)], [(5, 2), (5, 5), (7, 6)]],
    "bird": [[(1, 4), (3, 3), (5, 5), (7, 3), (9, 4)]],
}  # fmt: skip


def _strokes(lines: list[Points], width: float) -> npt.NDArray[np.float64]:
    """Lines (n, 2) of points in units of the side, black on white: (H, W)."""
    sheet = Image.new("L", (SIZE * FINE, SIZE * FINE), 255)
    pen = ImageDraw.Draw(sheet)
    for line in lines:
        pen.line([(x, y) for x, y in line * SIZE * FINE], fill=0, width=round(width * FINE), joint="curve")
    return np.asarray(sheet, float).reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))


def drawings(random: np.random.Generator) -> tuple[Images, npt.NDArray[np.int64]]:
    """Twelve things in thin lines, each time of another form, size and place."""
    kinds = random.integers(0, len(_DRAWINGS), COUNT)
    forms = list(_DRAWINGS.values())
    found = []
    for kind in kinds:
        turn = random.normal(0, 0.12, (2, 2)) + np.eye(2) * random.uniform(0.75, 1.05)
        turn[:, 0] *= random.choice([-1, 1])
        place = 0.5 + random.normal(0, 0.04, 2)
        lines = [
            (np.array(line) / 10 - 0.5 + random.normal(0, 0.015, (len(line), 2))) @ turn + place
            for line in forms[kind]
        ]
        found.append(_strokes(lines, random.uniform(0.8, 1.4)))
    return to_uint8(np.stack(found))[..., None], kinds.astype(np.int64)


def curves(random: np.random.Generator) -> tuple[Images, npt.NDArray[np.int64]]:
    """Lissajous figures in thin lines, of twelve ratios."""
    ratios = [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2), (1, 4), (4, 1), (3, 4), (4, 3), (1, 5)]
    kinds = random.integers(0, len(ratios), COUNT)
    t = np.linspace(0, 2 * np.pi, 200)
    found = []
    for kind in kinds:
        (a, b), phase = ratios[kind], random.uniform(0.3, 1.2)
        size, place = random.uniform(0.25, 0.42, 2), 0.5 + random.normal(0, 0.04, 2)
        line = place + np.stack([np.sin(a * t + phase), np.sin(b * t)], axis=1) * size
        found.append(_strokes([line], random.uniform(0.8, 1.4)))
    return to_uint8(np.stack(found))[..., None], kinds.astype(np.int64)


def smooth(random: np.random.Generator) -> tuple[Images, None]:
    """A few cosines of at most 1.5 cycles, faint to strong, in colour."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    frequency = random.uniform(-1.5, 1.5, (2, COUNT, 3, 1, 1))
    waves = np.cos(2 * np.pi * (frequency[0] * x + frequency[1] * y + random.uniform(0, 1, (COUNT, 3, 1, 1))))
    colours = random.normal(0, 1, (COUNT, 3, 1, 1, 3)) * random.uniform(8, 35, (COUNT, 1, 1, 1, 1))
    return to_uint8(
        random.uniform(90, 165, (COUNT, 1, 1, 3)) + (waves[..., None] * colours).sum(axis=1)
    ), None


def gratings(random: np.random.Generator) -> tuple[Images, None]:
    """Textures of stripes and checks of any direction, 2 to 8 cycles wide."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    angle, cycles = random.uniform(0, np.pi, (COUNT, 1, 1)), random.uniform(2, 8, (COUNT, 1, 1))
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    phases = random.uniform(0, 2 * np.pi, (2, COUNT, 1, 1))
    waves = np.cos(2 * np.pi * cycles * along + phases[0])
    checked = random.random((COUNT, 1, 1)) < 0.5
    waves = np.where(checked, waves * np.cos(2 * np.pi * cycles * across + phases[1]), waves)
    contrast = random.uniform(20, 90, (COUNT, 1, 1))
    return to_uint8(random.uniform(90, 165, (COUNT, 1, 1)) + contrast * waves)[..., None], None


def cells(random: np.random.Generator) -> tuple[Images, None]:
    """Textures of cells: each pixel has the colour of the nearest of 15 to 60 points."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    found = []
    for _ in range(COUNT):
        points = random.uniform(0, 1, (int(random.integers(15, 61)), 2))
        nearest = np.argmin((x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2, axis=-1)
        found.append(random.uniform(20, 235, (len(points), 3))[nearest])
    return to_uint8(np.stack(found)), None


def clouds(random: np.random.Generator) -> tuple[Images, None]:
    """Random fields with power falling as 1/f³: shapes, but none that recurs."""
    f = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]) * SIZE
    f[0, 0] = np.inf
    white = np.fft.rfft2(random.normal(size=(COUNT, SIZE, SIZE)))
    field = np.fft.irfft2(white * f**-1.5, s=(SIZE, SIZE))
    field /= field.std(axis=(1, 2), keepdims=True)
    return to_uint8(random.uniform(80, 180, (COUNT, 1, 1)) + random.uniform(15, 45, (COUNT, 1, 1)) * field)[
        ..., None
    ], None


def terrain(random: np.random.Generator) -> tuple[Images, None]:
    """Squares of 32 to 64 points of the map of heights that matplotlib ships, lit from one side."""
    heights = np.load(get_sample_data("jacksboro_fault_dem.npz", asfileobj=False))["elevation"]
    light = LightSource(azdeg=315, altdeg=45).hillshade(heights, vert_exag=0.05)
    return _patches(Image.fromarray(to_uint8(light * 255)), (32, 64), random)[..., None], None


def _glyph(text: str, font: ImageFont.FreeTypeFont, place: Points) -> npt.NDArray[np.float64]:
    sheet = Image.new("L", (SIZE, SIZE), 255)
    ImageDraw.Draw(sheet).text(tuple(place * SIZE), text, fill=0, font=font, anchor="mm")
    return np.asarray(sheet, float)


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)


def icons(random: np.random.Generator) -> tuple[Images, None]:
    """The symbols of a font: chess, weather, hands, arrows, dingbats, dice, ..., each in white on a colour or grey."""
    blocks = [(0x2600, 0x26FF), (0x2700, 0x27BF), (0x2190, 0x21FF), (0x25A0, 0x25FF), (0x1F030, 0x1F061)]
    font = _font("DejaVuSans", 26)
    absent = font.getmask(chr(0x10FFFF)).getbbox(), bytes(font.getmask(chr(0x10FFFF)))
    found = []
    for code in (code for first, last in blocks for code in range(first, last + 1)):
        mask = font.getmask(chr(code))
        if mask.getbbox() and (mask.getbbox(), bytes(mask)) != absent:
            ink = 1 - _glyph(chr(code), font, np.array([0.5, 0.5]))[..., None] / 255
            ground, colour = random.uniform(0, 255, 3), random.uniform(0, 255, 3)
            while abs((ground - colour) @ LUMA) < 80:
                colour = random.uniform(0, 255, 3)
            found.append(ground + ink * (colour - ground))
    return to_uint8(np.stack(found))[random.permutation(len(found))], None


def letters(random: np.random.Generator) -> tuple[Images, npt.NDArray[np.int64]]:
    """The capital letters in ten fonts, of many sizes, somewhat displaced."""
    names = ["STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10", "cmb10", "DejaVuSerif",
             "DejaVuSans-Bold", "DejaVuSansMono"]  # fmt: skip
    fonts = [_font(name, size) for name in names for size in (20, 23, 26, 29)]
    kinds = random.integers(0, 26, COUNT)
    found = [
        _glyph(chr(ord("A") + kind), fonts[int(random.integers(len(fonts)))], 0.5 + random.normal(0, 0.03, 2))
        for kind in kinds
    ]
    return to_uint8(np.stack(found))[..., None], kinds.astype(np.int64)


def shapes(random: np.random.Generator) -> tuple[Images, None]:
    """One to three filled circles, squares and triangles of any colour."""
    found = []
    for _ in range(COUNT):
        sheet = Image.new(
            "RGB", (SIZE * FINE, SIZE * FINE), tuple(int(v) for v in random.integers(0, 256, 3))
        )
        pen = ImageDraw.Draw(sheet)
        for _ in range(int(random.integers(1, 4))):
            x, y, r = random.uniform(0.2, 0.8), random.uniform(0.2, 0.8), random.uniform(0.1, 0.3)
            corners = int(random.choice([3, 4, 40]))
            pen.regular_polygon(
                (x * SIZE * FINE, y * SIZE * FINE, r * SIZE * FINE),
                corners,
                rotation=float(random.uniform(0, 360)),
                fill=tuple(int(v) for v in random.integers(0, 256, 3)),
            )
        found.append(np.asarray(sheet, float).reshape(SIZE, FINE, SIZE, FINE, 3).mean(axis=(1, 3)))
    return to_uint8(np.stack(found)), None


def charts(random: np.random.Generator) -> tuple[Images, None]:
    """Bar charts with axes, of four to eight bars."""
    images = np.full((COUNT, SIZE, SIZE, 3), 255.0)
    for image in images:
        bars, colour = int(random.integers(4, 9)), random.uniform(0, 220, 3)
        edges = np.linspace(3, SIZE - 1, bars + 1).round().astype(int)
        for left, right, height in zip(
            edges[:-1], edges[1:], random.integers(2, SIZE - 4, bars), strict=True
        ):
            image[SIZE - 2 - height : SIZE - 2, left + 1 : right] = colour
        image[1:-1, 2] = image[-2, 2:-1] = 0
    return to_uint8(images), None


def text(random: np.random.Generator) -> tuple[Images, None]:
    """Cuts of printed text: four lines of small letters."""
    font, letters = _font("DejaVuSerif", 8), list("eeettaaoinshrdlucmfw   ")
    images = np.empty((COUNT, SIZE, SIZE))
    for image in images:
        sheet = Image.new("L", (SIZE, SIZE), 255)
        left, top = random.uniform(-6, 0), random.uniform(-4, 2)
        for line in range(4):
            words = "".join(random.choice(letters, 12))
            ImageDraw.Draw(sheet).text((left, top + 9 * line), words, fill=0, font=font)
        image[:] = np.asarray(sheet)
    return to_uint8(images)[..., None], None


def balls(random: np.random.Generator) -> tuple[Images, None]:
    """One shaded ball of any colour, size and place on a floor, all lit from the upper left."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE

    def vary(low: float, high: float, *shape: int) -> Points:
        return random.uniform(low, high, (COUNT, *(shape or (1, 1))))

    radius, cx = vary(0.12, 0.3), vary(0.3, 0.7)
    cy = vary(0.55, 0.75) - radius / 2
    height = np.sqrt(np.maximum(0, 1 - ((x - cx) / radius) ** 2 - ((y - cy) / radius) ** 2))
    light = 0.25 + 0.75 * np.maximum(0, (0.6 * height - 0.5 * (x - cx) / radius - 0.6 * (y - cy) / radius))
    floor = np.where(y > vary(0.4, 0.6), vary(60, 120), vary(140, 220))[..., None]
    ball = light[..., None] * vary(60, 255, 1, 1, 3)
    return to_uint8(np.where((height > 0)[..., None], ball, floor)), None


def mazes(random: np.random.Generator) -> tuple[Images, None]:
    """Walls on a grid of 8 x 8, each passage open or closed, in two colours."""
    images = np.empty((COUNT, SIZE, SIZE, 3))
    for image in images:
        walls = np.ones((17, 17), bool)
        walls[1::2, 1::2] = False
        walls[1::2, 2:-1:2] = random.random((8, 7)) < 0.4
        walls[2:-1:2, 1::2] = random.random((7, 8)) < 0.4
        dark, bright = random.uniform(0, 90, 3), random.uniform(165, 255, 3)
        image[:] = np.where(np.kron(walls[:16, :16], np.ones((2, 2), bool))[..., None], dark, bright)
    return to_uint8(images), None


def folder(path: Path) -> Draw:
    """At most 1,200 of the images under a folder, in grey."""

    def draw(random: np.random.Generator) -> tuple[Images, None]:
        files = sorted(path.rglob("*.jpg"))
        chosen = [files[i] for i in random.permutation(len(files))[:COUNT]]
        pictures = [
            Image.open(file).convert("L").resize((SIZE, SIZE), Image.Resampling.LANCZOS) for file in chosen
        ]
        return np.stack([np.asarray(picture) for picture in pictures])[..., None], None

    return draw


SETS = (
    PictureSet("portraits", False, portraits(32, 3)),
    PictureSet("handwritten digits", False, digits),
    PictureSet("line drawings", False, drawings),
    PictureSet("photograph (china)", False, patches("china.jpg")),
    PictureSet("smooth colours", False, smooth),
    PictureSet("stripes and checks", False, gratings),
    PictureSet("icons", False, icons),
    PictureSet("24 portraits", False, portraits(32, 3, 24)),
    PictureSet("photograph (flower)", False, patches("flower.jpg")),
    PictureSet("photograph (Hopper)", False, patches("grace_hopper.jpg")),
    PictureSet("coloured shapes", False, shapes),
    PictureSet("portraits, 64, grey", True, portraits(64, 1)),
    PictureSet("printed letters", True, letters),
    PictureSet("curves", True, curves),
    PictureSet("terrain", True, terrain),
    PictureSet("clouds", True, clouds),
    PictureSet("cells", True, cells),
    PictureSet("bar charts", True, charts),
    PictureSet("lines of text", True, text),
    PictureSet("shaded balls", True, balls),
    PictureSet("mazes", True, mazes),
)
