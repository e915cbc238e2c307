"""Makes docs/four-runs.png, the README's picture: python docs/picture.py results/report"""

import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

WIDTH, GAP, MARGIN, COLOURS = 1400, 24, 8, 192
"""Pixels, and the size of the picture's palette: k-means keeps the colours of thin lines."""


def cropped(path: Path) -> Image.Image:
    """A figure with narrow white margins."""
    figure = Image.open(path).convert("RGB")
    inner = figure.crop(ImageChops.difference(figure, Image.new("RGB", figure.size, "white")).getbbox())
    return ImageOps.expand(inner, MARGIN, "white")


def at_width(figure: Image.Image) -> Image.Image:
    """A figure at the picture's width."""
    return figure.resize((WIDTH, round(figure.height * WIDTH / figure.width)), Image.Resampling.LANCZOS)


def main() -> None:
    report = Path(sys.argv[1])
    figures = [at_width(cropped(report / name)) for name in ("losses-overlaid.png", "samples-s0.png")]
    height = sum(figure.height + GAP for figure in figures) + GAP
    picture = Image.new("RGB", (WIDTH + 2 * GAP, height), "white")
    top = GAP
    for figure in figures:
        picture.paste(figure, (GAP, top))
        top += figure.height + GAP
    picture.quantize(COLOURS, kmeans=3).save(Path(__file__).with_name("four-runs.png"), optimize=True)


if __name__ == "__main__":
    main()
