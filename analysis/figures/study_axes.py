"""What a study's figures share: the names and scales of searched numbers and distances, and one smoothing."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures import style
from analysis.frames.studies import StudyResult

Array = npt.NDArray[np.float64]

WIDE_DISTANCES = 3.0
"""Ratio of the largest to the smallest distance from which on the axis is logarithmic."""
HEADROOM = 1.1
"""Ticks end so far above the largest distance: what lies higher has no distance."""
SMALL = style.TEXT_SIZE - 1

HALO = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}

_NAMES = {
    "optimizer.lr": "learning rate",
    "optimizer.G.lr": "G’s learning rate",
    "optimizer.D.lr": "D’s learning rate",
    "optimizer.momentum": "momentum",
}


def name_of(study: StudyResult, path: str) -> str:
    """A searched setting in words, for an axis."""
    words = _NAMES.get(path, path)
    return f"{words} / (1 − momentum)" if study.space[path].get("effective") else words


def scale_rates(ax: Axes, low: float, high: float, *, vertical: bool = False) -> None:
    """A logarithmic axis from low to high with a little air, its decades named 1e-3, as in `runs.yaml`."""
    ax.set(**{"yscale" if vertical else "xscale": "log"})
    air = (high / low) ** 0.02
    (ax.set_ylim if vertical else ax.set_xlim)(low / air, high * air)
    side = ax.yaxis if vertical else ax.xaxis
    side.set_major_locator(LogLocator(numticks=12))
    side.set_minor_locator(NullLocator())
    side.set_major_formatter(
        FuncFormatter(lambda value, _: "1" if value == 1 else f"1e{np.log10(value):.0f}")
    )


def scale_distances(ax: Axes, distances: Iterable[float], room: tuple[float, float] = (0.05, 0.05)) -> None:
    """The y axis of a Fréchet distance: logarithmic where it spans much, with `room` (shares) below and above."""
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


def kernel_mean(at: Array, values: Array, grid: Array, width: float) -> tuple[Array, Array]:
    """Nadaraya and Watson's mean, with a Gaussian kernel, of values (N,) at places (N, d), seen from a grid (M, d).

    Returns the means (M,) and their support (M,): the sum of the kernels, 1 for one value at its own place.
    """
    squared = np.stack([((grid - place) ** 2).sum(axis=-1) for place in at], axis=-1) / width**2
    nearest = squared.min(axis=-1, keepdims=True)
    weights = np.exp(
        -0.5 * (squared - nearest)
    )  # relative to the nearest: far from all, none is lost to underflow
    mean: Array = weights @ values / weights.sum(axis=-1)
    return mean, weights.sum(axis=-1) * np.exp(-0.5 * nearest[:, 0])
