"""A sample grid as a panel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from analysis.figures import style

GRID_PIXELS = 512
"""Widest side of a grid in a figure of several: as many pixels as its place on the page has."""


def sample_grid(ax: Axes, paths: Sequence[Path], *, title: str, subtitle: str, color: str) -> Axes:
    """The newest grid that can be read, or "no samples"; title and subtitle above.

    Args:
        paths: a job's grids, the oldest first.
        color: of the title, the run's.
    """
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    style.dress(ax, title=title, subtitle=subtitle, title_color=color)
    picture = next(filter(None, map(_opened, reversed(paths))), None)
    if picture is not None:
        ax.imshow(np.asarray(picture))
        return ax
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.text(0.5, 0.5, "no samples", ha="center", va="center", color=style.MUTED, fontsize=style.TEXT_SIZE)
    return ax


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for a file that is damaged
        return None
    picture.thumbnail((GRID_PIXELS, GRID_PIXELS), Image.Resampling.LANCZOS)
    return picture
