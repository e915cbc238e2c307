"""An ablation path as a figure: the metric after each setting, and beside it each setting's share of the change."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ablations.spec.run_names import short_name
from analysis.claims.paths import MoveResult, PathResult, Share, Stop, share_words
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.row_chart import ROW, WIDTH

LONG = 46
"""Characters of a setting's name from which on it is cut."""
WIDEST = 1.5
"""Up to so many changes beyond 0% and 100% an interval is drawn; further out it ends in an arrow."""
APART = 0.17
"""Half the distance between the two shares of a row."""
SMALL = style.TEXT_SIZE - 1.0
ADDED, LEFT_OUT = style.INK, "#0072B2"


def path_chart(found: PathResult, quality: str) -> Figure:
    """A row a setting, in the order in which they change; a mark is one seed, its colour and shape the outcome.

    Args:
        quality: name of the Fréchet distance, with its N.
    """
    rows = len(found.stops)
    figure = style.figure(WIDTH, 1.75 * ROW * rows + 1.35)
    values, shares = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.15])
    style.dress(values, title="After each setting", xlabel=quality)
    style.dress(shares, title="Share of the change", xlabel="share of the change, with its 95% interval")
    for ax in (values, shares):
        ax.grid(visible=False, axis="y")
        ax.grid(axis="x", color=style.HAIRLINE, linewidth=0.7)
        ax.hlines(
            range(rows), 0, 1, transform=ax.get_yaxis_transform(), color=style.HAIRLINE, lw=0.6, zorder=0.3
        )
    values.set_ylim(rows - 0.4, -0.6)
    labels = [short_name(found.start.group.name), *(_label(move) for move in found.moves)]
    labels[-1] += f"  = {short_name(found.goal.group.name)}"
    values.set_yticks(range(rows), labels)
    for label in values.get_yticklabels():
        label.set_color(style.INK)
        label.set_fontsize(style.TEXT_SIZE - 0.5)
    for y, stop in enumerate(found.stops):
        _values(values, y, stop)
    _scale_values(values, found)
    _scale_shares(shares, found)
    for y, move in enumerate(found.moves, 1):
        _share(shares, y - APART, move.added, ADDED, filled=True)
        _share(shares, y + APART, move.left_out, LEFT_OUT, filled=False)
    _legend(shares, found)
    return figure


def _label(result: MoveResult) -> str:
    words = f"+ {result.move.words}"
    return words if len(words) <= LONG else words[: LONG - 1] + "…"


def _values(ax: Axes, y: int, stop: Stop) -> None:
    group = stop.group
    for seed, value in group.values.items():
        if math.isfinite(value):
            look = LOOKS[group.regimes[seed]]
            ax.plot([value], [y], look.marker, ms=6, color=look.color, mec="white", mew=0.7, zorder=4)
    if stop.mean is not None and len(group.values) > 1:
        ax.plot([stop.mean] * 2, [y - 0.3, y + 0.3], color=style.INK, lw=2.2, solid_capstyle="butt", zorder=3)
    if stop.low is not None and stop.high is not None:
        ax.plot([stop.low, stop.high], [y, y], color=style.INK, lw=1.3, alpha=0.6, zorder=2)
    lost = sum(not math.isfinite(value) for value in group.values.values())
    if lost or not group.values:
        words = f"{lost} of {len(group.values)} diverged →" if lost else group.lacking or "not run"
        ax.annotate(
            words, (1, y), (-2, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", ha="right",
            va="center", fontsize=SMALL, color=style.MUTED, style="italic",
        )  # fmt: skip


def _scale_values(ax: Axes, found: PathResult) -> None:
    seen = [v for stop in found.stops for v in stop.group.values.values() if math.isfinite(v)]
    if seen and min(seen) > 0 and max(seen) > 10 * min(seen):
        style.log_axis(ax.xaxis)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=style.ROUND_STEPS))
    if seen:  # an interval of two seeds may be far wider than all values
        low, high = min(seen), max(seen)
        air = 0.25 * (high - low) or 0.1 * abs(high) or 1.0
        ax.set_xlim(max(low - air, 0.7 * low) if low > 0 else low - air, high + air)
    ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))


def _scale_shares(ax: Axes, found: PathResult) -> None:
    shares = [share for move in found.moves for share in (move.added, move.left_out)]
    points = [share.estimate for share in shares if share.estimate is not None]
    ends = [end for share in shares for end in (share.low, share.high) if end is not None]
    ends = [float(np.clip(end, -WIDEST, 1 + WIDEST)) for end in ends]
    low, high = min([0.0, *points, *ends]), max([1.0, *points, *ends])
    air = 0.06 * (high - low)
    ax.set_xlim(low - air, high + air)
    ax.axvline(0, color=style.MUTED, lw=1.0, zorder=1)
    ax.axvline(1, color=style.MUTED, lw=0.8, ls=(0, (3, 3)), zorder=1)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=style.ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: share_words(share)))


def _share(ax: Axes, y: float, share: Share, color: str, *, filled: bool) -> None:
    if share.estimate is None:
        ax.annotate(
            share.reason, (0, y), (4, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", va="center",
            fontsize=SMALL - 0.5, color=color, style="italic",
        )  # fmt: skip
        return
    left, right = ax.get_xlim()
    if share.low is not None and share.high is not None:
        low, high = max(share.low, left), min(share.high, right)
        ax.plot([low, high], [y, y], color=color, lw=1.4, alpha=0.7, zorder=2, solid_capstyle="butt")
        for at, end, marker in ((low, share.low, "<"), (high, share.high, ">")):
            ax.plot([at], [y], marker if at != end else "|", color=color, ms=5, clip_on=False, zorder=2)
    face = color if filled else "white"
    ax.plot([share.estimate], [y], "o", ms=6, color=color, mfc=face, mec=color, mew=1.3, zorder=4)


def _legend(ax: Axes, found: PathResult) -> None:
    """What the two marks are, above the axes at the right."""
    for words, color, face in (
        ("added on the way", ADDED, ADDED), (f"left out of {short_name(found.goal.group.name)}", LEFT_OUT, "white"),
    ):  # fmt: skip
        ax.plot([], [], "o", ms=6, color=color, mfc=face, mec=color, mew=1.3, ls="none", label=words)
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=SMALL, handletextpad=0.2, borderpad=0.0,
        labelcolor=style.INK,
    )  # fmt: skip
