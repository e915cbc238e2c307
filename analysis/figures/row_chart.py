"""A chart with a row a run, in groups, and columns of words beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style

WIDTH = 9.4
ROW = 0.235
"""Height of a row, in inches: a line of text with air, so that 30 rows fit a page."""
HEADER = 1.35
"""Height of a group's name, in rows."""


@dataclass(frozen=True)
class Rows:
    """Where the rows of a chart are, in rows from the top."""

    runs: Mapping[str, float]
    headers: Mapping[str, float]
    height: float


def place_rows(groups: Mapping[str, Sequence[str]]) -> Rows:
    """A row for each run under the name of its group; a group without runs is left out."""
    runs: dict[str, float] = {}
    headers: dict[str, float] = {}
    at = 0.0
    for name, members in groups.items():
        if members:
            headers[name] = at + HEADER - 0.5
            runs |= {run: at + HEADER + 0.5 + place for place, run in enumerate(members)}
            at += HEADER + len(members)
    return Rows(runs, headers, max(at, 1.0) + 0.4)


def row_chart(
    rows: Rows, *, title: str, subtitle: str, xlabel: str, labels: Mapping[str, str] | None = None
) -> tuple[Figure, Axes]:
    """A figure as high as its rows are many: names at the left, groups' names above their rows, room on top.

    Args:
        labels: what rows and groups are called on the axis, where that is not their own name.
    """
    figure = style.figure(WIDTH, rows.height * ROW + 1.5)
    ax = figure.subplots()
    style.dress(ax, title=title, xlabel=xlabel)
    ax.set_title(
        title, loc="left", color=style.INK, fontsize=style.TEXT_SIZE + 1.5, fontweight="bold", pad=41
    )
    ax.annotate(
        subtitle, (0, 1), (0, 28), xycoords="axes fraction", textcoords="offset points", color=style.MUTED,
        fontsize=style.TEXT_SIZE - 1, va="bottom",
    )  # fmt: skip
    ax.set_ylim(rows.height, 0)
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color=style.HAIRLINE, linewidth=0.7)
    middles = list(rows.runs.values())
    ax.hlines(middles, 0, 1, transform=ax.get_yaxis_transform(), color=style.HAIRLINE, lw=0.6, zorder=0.3)
    labels = labels or {}
    ax.set_yticks(middles, [labels.get(run, run) for run in rows.runs])
    for label in ax.get_yticklabels():
        label.set_color(style.INK)
        label.set_fontsize(style.TEXT_SIZE - 0.5)
    for name, y in rows.headers.items():
        ax.text(
            0, y, labels.get(name, name), transform=ax.get_yaxis_transform(), va="center", color=style.INK,
            fontsize=style.TEXT_SIZE - 0.5, fontweight="bold", zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    return figure, ax


def beside(
    ax: Axes, y: float, x: float, text: str, color: str, *, right: bool = False, bold: bool = False
) -> None:
    """Text beside a row, x points right of the axes; `right`: it ends there."""
    ax.annotate(
        text, (1, y), (x, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", va="center",
        ha="right" if right else "left", color=color, fontsize=style.TEXT_SIZE - 1, annotation_clip=False,
        fontweight="bold" if bold else "normal",
    )  # fmt: skip
