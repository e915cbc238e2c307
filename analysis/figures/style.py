"""How every figure looks: seaborn's theme in our type sizes, the colours of runs, scales, and names at line ends.

Importing this changes nothing global: a figure made by `figure` carries the theme with it, and `theme` is a context for
axes that were made elsewhere. The colours of outcomes are in `outcomes.py`.
"""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullLocator,
    SymmetricalLogLocator,
)
from numpy.typing import ArrayLike

from ablations.spec.run_names import short_name
from fakeface.palette import RUN_COLORS, run_color

DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.6), (1.4, 1.4), (6.0, 1.6, 1.4, 1.6))
INK = "#22262b"
MUTED = "#6a7078"
HAIRLINE = "#dfe2e6"
ACCENT = RUN_COLORS[0]
"""Of what belongs to no run and is no outcome, in figures that show no runs."""
DPI = 200
TEXT_SIZE = 9.0
ROUND_STEPS = (1, 2, 2.5, 5, 10)

LEADER = (0.025, 0.1)
"""Length of the line from the edge to a label, as shares of the axes' width: the shortest, and by how much it grows."""
_STUB = 0.008

WIDE_SPAN = 100.0
"""Ratio of the largest to the smallest value from which on an axis is logarithmic."""
FEW_TICKS = 6
"""A logarithmic axis has about so many."""

_THEME = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper"),
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": HAIRLINE,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": MUTED,
    "axes.labelsize": TEXT_SIZE - 1,
    "axes.labelpad": 5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": TEXT_SIZE + 0.5,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": TEXT_SIZE - 1,
    "xtick.major.size": 3,
    "xtick.major.width": 0.7,
    "xtick.major.pad": 4,
    "ytick.color": MUTED,
    "ytick.labelsize": TEXT_SIZE - 1,
    "ytick.major.size": 0,
    "ytick.major.pad": 4,
}


def theme() -> AbstractContextManager[None]:
    """The theme as a context: axes that are made and drawn inside it look like the report's."""
    return matplotlib.rc_context(_THEME)


class ThemedFigure(Figure):
    """A figure whose axes are made and drawn in the theme, whatever matplotlib's settings are outside."""

    def add_subplot(self, *args: Any, **kwargs: Any) -> Any:
        with theme():
            return super().add_subplot(*args, **kwargs)

    def draw(self, renderer: Any) -> None:
        with theme():
            super().draw(renderer)


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
        return text_color(self.color)


def text_color(color: str) -> str:
    """A colour, darkened until it can be read as text on white."""
    red, green, blue = to_rgb(color)
    return to_hex((0.72 * red, 0.72 * green, 0.72 * blue))


def run_styles(runs: Sequence[str]) -> dict[str, RunStyle]:
    """A style for each run, by its place in the specification. Distinct for up to 24 runs: the seventh takes the first
    colour again, with another dash."""
    return {
        run: RunStyle(run_color(index), DASHES[index // len(RUN_COLORS) % len(DASHES)])
        for index, run in enumerate(runs)
    }


def figure(width: float, height: float) -> Figure:
    """An empty figure in the theme, in inches; white, so that it can be printed and put on a light card."""
    layout = ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.07, wspace=0.07, hspace=0.04)
    return ThemedFigure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")


def dress(
    ax: Axes, *, title: str, subtitle: str = "", xlabel: str = "", ylabel: str = "", title_color: str = INK
) -> None:
    """Title and subtitle flush left, and the names of the axes."""
    with theme():  # also for axes that were made outside it
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.set_title(title, pad=20 if subtitle else 8, color=title_color)
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


def scale_log_steps(ax: Axes, last_step: int) -> None:
    """The x axis: steps from 0 to the last one, linear up to 10 and logarithmic from there on, with ticks where runs
    are scored."""
    ax.set_xscale("symlog", linthresh=10, linscale=0.4)
    ax.set_xlim(0, max(1, last_step))
    ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=10, subs=(1.0, 4.0)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(plain_number))


def scale_minutes(ax: Axes, last: float) -> None:
    """The x axis: minutes from 0 to the last one."""
    ax.set_xlim(0, last if last > 0 else 1)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(plain_number))


def scale_values(ax: Axes, values: ArrayLike, *, top: float | None = None) -> None:
    """The y axis: linear from 0, logarithmic where values span a factor of 100, symlog where some are 0 or below.

    Args:
        values: what decides; a smoothed curve rather than a raw one, so that no single spike chooses the scale.
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
    elif positive.size == finite.size:
        log_axis(ax.yaxis)
    else:
        ax.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(positive.min())), linscale=0.5)
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(plain_number))


def log_axis(axis: XAxis | YAxis) -> None:
    """Make an axis logarithmic, with a few round ticks named in plain numbers. Sets no limits."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(FewDecades())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(plain_number))


class FewDecades(Locator):
    """Ticks of a logarithmic axis: round numbers within a decade, 1-2-5 within two or three, then whole decades."""

    def __call__(self) -> Sequence[float]:
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        low, high = sorted((vmin, vmax))
        if low <= 0 or low == high:
            return []
        decades = math.log10(high / low)
        if decades < 1:
            ticks = MaxNLocator(nbins=FEW_TICKS - 1, steps=ROUND_STEPS).tick_values(low, high)
        elif decades <= FEW_TICKS / 2:
            subs = (1.0, 2.0, 5.0) if decades < FEW_TICKS / 3 else (1.0, 3.0)
            ticks = LogLocator(subs=subs, numticks=100).tick_values(low, high)
        else:
            ticks = LogLocator(numticks=FEW_TICKS).tick_values(low, high)
        return [float(tick) for tick in ticks if low <= tick <= high]


def plain_number(value: float, _: object = None) -> str:
    """A tick as people write it: 0.001, 10, 3,000."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.10g}"


@dataclass(frozen=True)
class LineEnd:
    """Where a line ends, in data, and what it is called."""

    x: float
    y: float
    text: str
    style: RunStyle


def label_ends(ax: Axes, ends: Iterable[LineEnd]) -> None:
    """Name lines at the right edge, in their colour, at the height where each ends, moved apart where they meet.

    Call it last: it needs the final limits and scale. A line that ends before the edge is led there by dots. A label
    whose height is not finite goes to the bottom.
    """
    to_axes = ax.transScale + ax.transLimits
    placed = []
    for end in ends:
        height = float(to_axes.transform((end.x, end.y))[1]) if np.isfinite(end.y) else 0.0
        placed.append((min(1.0, max(0.0, height)) if np.isfinite(height) else 0.0, end))
    placed.sort(key=lambda item: item[0])
    parent = ax.get_figure(root=True)
    assert parent is not None
    points = ax.get_position().height * parent.get_size_inches()[1] * 72
    heights = _apart([height for height, _ in placed], 1.35 * TEXT_SIZE / points)
    moved = max((abs(start - at) for (start, _), at in zip(placed, heights, strict=True)), default=0.0)
    left, right = _STUB, _STUB + LEADER[0] + min(LEADER[1], moved / 3)  # further apart: longer, so less steep
    for (start, end), height in zip(placed, heights, strict=True):
        before = to_axes.transform((end.x, end.y))[0]
        if np.isfinite(before) and before < 1 - _STUB:
            ax.plot(
                [before, 1],
                [start, start],
                color=end.style.color,
                lw=0.9,
                ls=(0, (1, 2.2)),
                transform=ax.transAxes,
            )
        ax.plot(
            [1, 1 + left, 1 + right, 1 + right + _STUB], [start, start, height, height], color=end.style.color,
            lw=0.9, transform=ax.transAxes, clip_on=False, solid_joinstyle="round",
        )  # fmt: skip
        ax.text(
            1 + right + 2 * _STUB, height, short_name(end.text), color=end.style.text_color,
            fontsize=TEXT_SIZE - 0.5, va="center", transform=ax.transAxes,
        )  # fmt: skip


def _apart(heights: list[float], gap: float) -> list[float]:
    """Rising heights in [0, 1], moved as little as possible so that neighbours differ by `gap`.

    Labels that collide are pooled and spread evenly around their mean, until none collides.
    """
    pools: list[list[float]] = []
    for height in heights:
        pools.append([height])
        while len(pools) > 1 and _spread(pools[-2], gap)[-1] + gap > _spread(pools[-1], gap)[0]:
            pools[-2:] = [pools[-2] + pools[-1]]
    return [height for pool in pools for height in _spread(pool, gap)]


def _spread(pool: list[float], gap: float) -> list[float]:
    """The places of pooled labels: centred on their mean, within the axes where they fit."""
    half = gap * (len(pool) - 1) / 2
    centre = max(half, min(1 - half, sum(pool) / len(pool)))
    return [centre - half + gap * index for index in range(len(pool))]
