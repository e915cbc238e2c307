"""How every figure looks: one palette, one type size, quiet axes, labels at the ends of the lines.

The colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which readers with any of the common kinds of
colour blindness can tell apart, without its yellow and black: yellow vanishes on white, and ink is for text. A
seventh run takes the first colour again, with another dash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import ArrayLike

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.6), (1.4, 1.4), (6.0, 1.6, 1.4, 1.6))
INK = "#22262b"
MUTED = "#6a7078"
HAIRLINE = "#dfe2e6"
DPI = 200
TEXT_SIZE = 9.0
ROUND_STEPS = (1, 2, 2.5, 5, 10)

WIDE_SPAN = 100.0
"""Ratio of the largest to the smallest value from which on an axis is logarithmic."""


@dataclass(frozen=True)
class RunStyle:
    """How one run is drawn, in every figure."""

    color: str
    dashes: tuple[float, ...]
    """On-off lengths in points; () is a solid line."""

    @property
    def linestyle(self) -> tuple[float, tuple[float, ...]] | str:
        return (0.0, self.dashes) if self.dashes else "-"

    @property
    def text_color(self) -> str:
        """The colour, darkened until it can be read as text on white."""
        red, green, blue = to_rgb(self.color)
        return to_hex((0.72 * red, 0.72 * green, 0.72 * blue))


def run_styles(runs: Sequence[str]) -> dict[str, RunStyle]:
    """A style for each run, by its place in the specification. Distinct for up to 24 runs."""
    laps = [divmod(index, len(PALETTE)) for index in range(len(runs))]
    return {
        run: RunStyle(PALETTE[place], DASHES[lap % len(DASHES)])
        for run, (lap, place) in zip(runs, laps, strict=True)
    }


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, white so that it prints and stands on a light card."""
    layout = ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.07, wspace=0.07, hspace=0.04)
    return Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")


def dress(ax: Axes, *, title: str, subtitle: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Quiet axes: hairline grid behind the data, no box, title and subtitle flush left."""
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=HAIRLINE, linewidth=0.7)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.spines["bottom"].set_linewidth(0.7)
    ax.tick_params(colors=MUTED, labelsize=TEXT_SIZE - 1, length=0, pad=4)
    ax.tick_params(axis="x", length=3, width=0.7)
    ax.set_xlabel(xlabel, color=MUTED, fontsize=TEXT_SIZE - 1, labelpad=5)
    ax.set_ylabel(ylabel, color=MUTED, fontsize=TEXT_SIZE - 1, labelpad=6)
    ax.set_title(
        title, loc="left", color=INK, fontsize=TEXT_SIZE + 0.5, fontweight="bold", pad=20 if subtitle else 8
    )
    if subtitle:
        ax.annotate(
            subtitle, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points",
            color=MUTED, fontsize=TEXT_SIZE - 1, va="bottom",
        )  # fmt: skip


def scale_steps(ax: Axes, last_step: int) -> None:
    """The x axis: steps from 0 to the last one, with thousands separators."""
    ax.set_xlim(0, max(1, last_step))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def scale_minutes(ax: Axes, last: float) -> None:
    """The x axis: minutes from 0 to the last one."""
    ax.set_xlim(0, last if last > 0 else 1)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(plain_number))


def scale_values(ax: Axes, values: ArrayLike, *, top: float | None = None) -> None:
    """The y axis: linear from 0, logarithmic where values span a factor of 100, symlog where some are 0 or below.

    Args:
        values: what decides; a smoothed curve rather than a raw one, lest one spike choose the scale.
        top: upper end of a linear axis; where the data end if None.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    positive = finite[finite > 0]
    if not positive.size or positive.max() < WIDE_SPAN * positive.min():
        if not finite.size or finite.min() >= 0:
            ax.set_ylim(0, top)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=ROUND_STEPS))
        ax.yaxis.set_major_formatter(FuncFormatter(plain_number))
        return
    if positive.size == finite.size:
        ax.set_yscale("log")
    else:
        ax.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(positive.min())), linscale=0.5)
    if ax.get_yscale() == "log":
        ax.yaxis.set_major_locator(LogLocator(numticks=6))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(plain_number))


def plain_number(value: float, _: object = None) -> str:
    """A tick as people write it: 0.001, 10, 3,000."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.10g}"


def label_ends(ax: Axes, labels: Iterable[tuple[float, str, RunStyle]]) -> None:
    """Name lines at the right edge, in their colour, at the height where each ends, moved apart where they meet.

    Call it last: it needs the final limits and scale. Labels whose height is not finite stand at the bottom.
    """
    to_axes = ax.transScale + ax.transLimits
    placed = []
    for value, text, style in labels:
        height = float(to_axes.transform((0.0, value))[1]) if np.isfinite(value) else 0.0
        placed.append((min(1.0, max(0.0, height)) if np.isfinite(height) else 0.0, text, style))
    placed.sort(key=lambda item: item[0])
    parent = ax.get_figure(root=True)
    assert parent is not None
    points = ax.get_position().height * parent.get_size_inches()[1] * 72
    heights = _apart([height for height, _, _ in placed], 1.35 * TEXT_SIZE / points)
    edge = blended_transform_factory(ax.transAxes, ax.transAxes)
    for (start, text, style), height in zip(placed, heights, strict=True):
        ax.plot([1.005, 1.035], [start, height], color=style.color, lw=1, transform=edge, clip_on=False)
        ax.text(
            1.045, height, text, color=style.text_color, fontsize=TEXT_SIZE - 0.5, va="center", transform=edge
        )


def _apart(heights: list[float], gap: float) -> list[float]:
    """Rising heights in [0, 1], moved as little as need be so that neighbours differ by `gap`.

    Labels that collide are pooled and spread evenly around their mean, as often as that makes new collisions.
    """
    pools: list[list[float]] = []
    for height in heights:
        pools.append([height])
        while len(pools) > 1 and _spread(pools[-2], gap)[-1] + gap > _spread(pools[-1], gap)[0]:
            pools[-2:] = [pools[-2] + pools[-1]]
    return [height for pool in pools for height in _spread(pool, gap)]


def _spread(pool: list[float], gap: float) -> list[float]:
    """The places of labels that stand together: centred on their mean, within the axes where they fit."""
    half = gap * (len(pool) - 1) / 2
    centre = max(half, min(1 - half, sum(pool) / len(pool)))
    return [centre - half + gap * index for index in range(len(pool))]
