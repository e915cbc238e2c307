"""What the figures of a study share: names and scales of searched numbers and distances, and points by regime."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.frames.studies import StudyResult

WIDE_DISTANCES = 3.0
"""Ratio of the largest to the smallest distance from which on the axis is logarithmic."""
HEADROOM = 1.1
"""No ticks beyond this multiple of the largest distance: points higher up have no distance."""
SMALL = style.TEXT_SIZE - 1
HALO = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}

_NAMES = {
    "optimizer.lr": "learning rate",
    "optimizer.G.lr": "G’s learning rate",
    "optimizer.D.lr": "D’s learning rate",
    "optimizer.momentum": "momentum",
}


def name_of(study: StudyResult, path: str) -> str:
    """A searched setting in words."""
    words = _NAMES.get(path, path)
    return f"{words} / (1 − momentum)" if study.space[path].effective else words


def draw_regimes(ax: Axes, rows: pd.DataFrame, x: str, y: str, **looks: Any) -> None:
    """A point a row, by its regime. `looks` are `Axes.scatter`'s."""
    if len(rows):
        labels = ax.get_xlabel(), ax.get_ylabel()
        sns.scatterplot(
            rows, x=x, y=y, hue="regime", palette={name: look.color for name, look in LOOKS.items()},
            style="regime", markers={name: look.marker for name, look in LOOKS.items()}, legend=False, ax=ax, **looks,
        )  # fmt: skip
        ax.set(xlabel=labels[0], ylabel=labels[1])


def regime_legend(
    ax: Axes, regimes: "pd.Series[Any]", y: float, *, columns: int, further: Sequence[Artist] = ()
) -> None:
    """A legend below the axes: the regimes that occur with their counts, and further entries."""
    counts = regimes.value_counts()
    keys = [
        Line2D([], [], ls="none", marker=look.marker, ms=6, color=look.color, mec="white", mew=0.6,
               label=f"{look.name} ({counts[name]})")
        for name, look in LOOKS.items() if counts.get(name, 0)
    ]  # fmt: skip
    if keys or further:
        ax.legend(
            handles=[*keys, *further], loc="upper center", bbox_to_anchor=(0.5, y), ncols=columns, frameon=False,
            fontsize=SMALL, labelcolor=style.MUTED, handletextpad=0.4, columnspacing=1.5,
        )  # fmt: skip


def scale_rates(ax: Axes, low: float, high: float, *, vertical: bool = False) -> None:
    """A logarithmic axis from low to high with a little air, its decades named 1e-3, as in `runs.yaml`."""
    air = (high / low) ** 0.02
    axis = ax.yaxis if vertical else ax.xaxis
    ax.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low / air, high * air)})
    axis.set_major_locator(LogLocator(numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: "1" if value == 1 else f"1e{np.log10(value):.0f}")
    )


def scale_distances(ax: Axes, distances: Iterable[float], room: tuple[float, float]) -> None:
    """The y axis of a Fréchet distance: logarithmic if it spans much, with `room` (shares) below and above."""
    values = np.array([d for d in distances if np.isfinite(d) and d > 0])
    if not len(values):
        ax.set_ylim(0, 1)
        ax.set_yticks([])
        return
    wide = values.max() > WIDE_DISTANCES * values.min()
    ends = np.log([values.min(), values.max()]) if wide else np.array([0.0, values.max()])
    span = max(ends[1] - ends[0], 0.05) / (1 - sum(room))
    bottom, top = ends[0] - room[0] * span, ends[1] + room[1] * span
    if wide:
        ax.set_yscale("log")
        bottom, top = np.exp([bottom, top])
    ax.set_ylim(bottom if wide else 0.0, top)
    locator = (
        LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0)) if wide else MaxNLocator(nbins=6, steps=style.ROUND_STEPS)
    )
    highest = values.max() * HEADROOM
    ax.set_yticks([tick for tick in locator.tick_values(bottom, top) if max(0.0, bottom) <= tick <= highest])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(style.plain_number))
