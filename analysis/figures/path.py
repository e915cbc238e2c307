"""An ablation path as a figure: the metric after each setting, and beside it what each setting does to it."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ablations.spec.run_names import short_name
from analysis.claims.paths import Contribution, MoveResult, PathResult, Stop, change_words
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.row_chart import ROW, WIDTH

LONG = 46
"""Characters of a setting's name from which on it is cut."""
WIDEST = 0.6
"""How far beyond the estimates an interval is drawn, as a share of their range; further out it ends in an arrow."""
APART = 0.17
"""Half the distance between the two changes of a row."""
SMALL = style.TEXT_SIZE - 1.0
ADDED, LEFT_OUT = style.INK, "#0072B2"


def path_chart(found: PathResult, quality: str) -> Figure:
    """A row a setting, in the order in which they change; a mark is one seed, its colour and shape the outcome.

    Args:
        quality: name of the Fréchet distance, with its N.
    """
    rows = len(found.stops)
    figure = style.figure(WIDTH, 1.75 * ROW * rows + 1.35)
    values, changes = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.15])
    style.dress(values, title="After each setting", xlabel=quality)
    style.dress(
        changes, title="What each setting does", xlabel="change of the distance, with its 95% interval"
    )
    for ax in (values, changes):
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
    _scale_changes(changes, found)
    for y, move in enumerate(found.moves, 1):
        _change(changes, y - APART, move.added, ADDED, filled=True)
        if move.interaction is not None:
            _change(changes, y + APART, move.left_out, LEFT_OUT, filled=False)
    _legend(changes)
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


def _scale_changes(ax: Axes, found: PathResult) -> None:
    changes = [one.change for move in found.moves for one in (move.added, move.left_out) if one.change]
    points = [0.0, *(change.value for change in changes)]
    beyond = max(WIDEST * (max(points) - min(points)), 0.05)
    ends = [end for change in changes for end in (change.low, change.high) if end is not None]
    ends = [float(np.clip(end, min(points) - beyond, max(points) + beyond)) for end in ends]
    low, high = min(points + ends), max(points + ends)
    air = 0.06 * (high - low) or 0.05
    ax.set_xlim(low - air, high + air)
    ax.axvline(0, color=style.MUTED, lw=1.0, zorder=1)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=style.ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda change, _: change_words(change)))


def _change(ax: Axes, y: float, found: Contribution, color: str, *, filled: bool) -> None:
    change = found.change
    if change is None:
        ax.annotate(
            found.reason, (0, y), (4, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", va="center",
            fontsize=SMALL - 0.5, color=color, style="italic",
        )  # fmt: skip
        return
    left, right = ax.get_xlim()
    if change.low is not None and change.high is not None:
        low, high = max(change.low, left), min(change.high, right)
        ax.plot([low, high], [y, y], color=color, lw=1.4, alpha=0.7, zorder=2, solid_capstyle="butt")
        for at, end, marker in ((low, change.low, "<"), (high, change.high, ">")):
            ax.plot([at], [y], marker if at != end else "|", color=color, ms=5, clip_on=False, zorder=2)
    face = color if filled else "white"
    ax.plot([change.value], [y], "o", ms=6, color=color, mfc=face, mec=color, mew=1.3, zorder=4)


def _legend(ax: Axes) -> None:
    """What the two marks are, above the axes at the right."""
    for words, color, face in (("added on the way", ADDED, ADDED), ("beside all others", LEFT_OUT, "white")):
        ax.plot([], [], "o", ms=6, color=color, mfc=face, mec=color, mew=1.3, ls="none", label=words)
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=SMALL, handletextpad=0.2, borderpad=0.0,
        labelcolor=style.INK,
    )  # fmt: skip
