"""The figure of one claim: a dot for each seed above, the difference with its interval and the claimed zone below."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.claims import Chart, Group
from analysis.claims._base import LEVEL
from analysis.claims.judging import Verdict
from analysis.claims.words import level_words
from analysis.figures import style
from analysis.figures.study_axes import scale_rates
from analysis.figures.style import RunStyle
from analysis.statistics import VerdictWord

WIDTH = 4.7
ROW = 0.27
EFFECT = 0.95
"""Heights, in inches, of a run's row and of the panel of the difference."""
SMALL = style.TEXT_SIZE - 1.0
COLORS = {VerdictWord.SUPPORTED: "#0072B2", VerdictWord.REFUTED: "#D55E00"}
"""Of the interval, by the verdict; ink for any other."""
ZONE = "#009E73"
NEAR_EDGE = 0.08
"""Share of the axes' width within which a label would leave it."""
AIR = 0.12
"""Share of the span of the difference that stays free at either end."""


def claim_figure(verdict: Verdict, styles: Mapping[str, RunStyle], quality: str) -> Figure | None:
    """The figure of a verdict; None where there is nothing to draw.

    Args:
        styles: how each run is drawn, here as everywhere; what has none is drawn in ink.
        quality: name of the Fréchet distance, with its N.
    """
    if verdict.claim.kind.chart is Chart.WINDOW:
        return _window(verdict)
    groups = [group for group in verdict.groups if group.values]
    if not groups:
        return None
    judged = verdict.region is not None
    height = 0.55 + ROW * len(groups) + (EFFECT if judged else 0.0)
    figure = style.figure(WIDTH, height)
    if not judged:
        _dots(figure.subplots(), verdict, groups, styles, quality)
        return figure
    above, below = figure.subplots(2, 1, height_ratios=[0.45 + ROW * len(groups), EFFECT])
    _dots(above, verdict, groups, styles, quality)
    _difference(below, verdict)
    return figure


def _dots(
    ax: Axes, verdict: Verdict, groups: Sequence[Group], styles: Mapping[str, RunStyle], quality: str
) -> None:
    """A row a run: its seeds, and their mean as a line."""
    kind = verdict.claim.kind
    outcome = kind.chart is Chart.OUTCOMES
    style.dress(ax, title="")
    ax.grid(visible=False, axis="y")
    ax.set_ylim(len(groups) - 0.4, -0.6)
    ax.set_yticks(range(len(groups)), [group.name for group in groups])
    finite = [v for group in groups for v in group.values.values() if math.isfinite(v)]
    wide = bool(finite) and min(finite) > 0 and max(finite) > 10 * min(finite) and not outcome
    if wide:
        style.log_axis(ax.xaxis)
    for row, (group, label) in enumerate(zip(groups, ax.get_yticklabels(), strict=True)):
        look = styles.get(group.name, RunStyle(style.INK, ()))
        label.set_color(look.text_color)
        if outcome:
            _yes_or_no(ax, row, group, look)
        else:
            _values(ax, row, verdict, group, look)
    ax.set_xlabel(kind.axis(quality))
    if outcome:
        ax.set_xlim(-0.6, max(6, max(len(group.values) for group in groups)) + 1.4)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        return
    ax.grid(axis="x", color=style.HAIRLINE, linewidth=0.7)
    if not wide:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=style.ROUND_STEPS))
    ax.margins(x=AIR / 2)
    ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))


def _values(ax: Axes, row: int, verdict: Verdict, group: Group, look: RunStyle) -> None:
    finite = [value for value in group.values.values() if math.isfinite(value)]
    ax.plot(finite, [row] * len(finite), "o", color=look.color, alpha=0.75, ms=5, mec="white", mew=0.6)
    if len(finite) > 1:
        mean = verdict.claim.kind.typical(finite)
        ax.vlines(mean, row - 0.33, row + 0.33, color=look.text_color, lw=1.6)
    for side, words, at, align in (
        (math.inf, "{} ranked last →", 1, "right"),
        (-math.inf, "← {} ranked last", 0, "left"),
    ):
        if lost := list(group.values.values()).count(side):
            ax.annotate(
                words.format(lost), (at, row), (2 - 4 * at, 0), xycoords=ax.get_yaxis_transform(),
                textcoords="offset points", ha=align, va="center", fontsize=SMALL, color=look.text_color,
            )  # fmt: skip


def _yes_or_no(ax: Axes, row: int, group: Group, look: RunStyle) -> None:
    for place, (_, value) in enumerate(sorted(group.values.items())):
        face = look.color if value else "white"
        ax.plot(place, row, "o", color=face, mec=look.color, mew=1.3, ms=6.5)
    text = f"{sum(group.values.values()):.0f} of {len(group.values)}"
    ax.text(len(group.values) - 0.2, row, text, va="center", fontsize=SMALL, color=look.text_color)


def _difference(ax: Axes, verdict: Verdict) -> None:
    """The estimate with its interval, over the zone in which the claim says that the truth is."""
    assert verdict.region is not None
    assert verdict.estimate is not None
    assert verdict.low is not None
    assert verdict.high is not None
    style.dress(ax, title="")
    ax.grid(visible=False)
    color = COLORS.get(verdict.word, style.INK)
    ends = [verdict.estimate, verdict.low, verdict.high, verdict.region.low, verdict.region.high, 0.0]
    finite = [end for end in ends if math.isfinite(end)]
    span = max(finite) - min(finite) or 1.0
    left, right = min(finite) - AIR * span, max(finite) + AIR * span
    kind = verdict.claim.kind
    left, right = max(left, kind.bounds[0]), min(right, kind.bounds[1])
    zone = np.clip([verdict.region.low, verdict.region.high], left, right)
    ax.axvspan(*zone, color=ZONE, alpha=0.16, lw=0)
    middle = float(zone.mean())
    at = (middle - left) / (right - left)
    ax.text(  # above the axes, where no line crosses it
        middle, 1.0, "claimed", transform=ax.get_xaxis_transform(), va="bottom", fontsize=SMALL,
        ha="left" if at < NEAR_EDGE else "right" if at > 1 - NEAR_EDGE else "center", color=style.text_color(ZONE),
    )  # fmt: skip
    ax.axvline(0, color=style.MUTED, lw=0.8)
    low, high = np.clip([verdict.low, verdict.high], left, right)
    ax.plot([low, high], [0, 0], color=color, lw=2.2, solid_capstyle="butt")
    for end, known in ((low, verdict.low), (high, verdict.high)):
        marker = "|" if math.isfinite(known) else "<" if known < 0 else ">"
        ax.plot(end, 0, marker, color=color, ms=7, mew=1.6, clip_on=False)
    if math.isfinite(verdict.estimate):
        ax.plot(verdict.estimate, 0, "o", color=color, ms=6, mec="white", mew=0.8, clip_on=False, zorder=3)
    ax.set_xlim(left, right)
    ax.set_ylim(-0.8, 1.3)
    ax.set_yticks([])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=style.ROUND_STEPS))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: kind.tick(value) or style.plain_number(value).replace("-", "−"))
    )
    ax.set_xlabel(f"what the seeds say, with the {level_words(verdict.level or LEVEL)} interval")


def _window(verdict: Verdict) -> Figure | None:
    """Where training surely works, between the inner ends of the edges' intervals, and the value in question."""
    at = verdict.value
    known = [end for end in (verdict.low, verdict.high) if end is not None and math.isfinite(end)]
    if at is None or not known or verdict.low is None or verdict.high is None:
        return None
    figure = style.figure(WIDTH, EFFECT + 0.2)
    ax = figure.subplots()
    style.dress(ax, title="", xlabel="the searched setting")
    ax.grid(visible=False)
    ends = np.array([*known, at])
    left, right = ends.min() / 3, ends.max() * 3
    low, high = np.clip([verdict.low, verdict.high], left, right)
    ax.axvspan(low, high, color=ZONE, alpha=0.16, lw=0)
    scale_rates(ax, left, right)
    color = COLORS.get(verdict.word, style.INK)
    ax.axvline(at, color=color, lw=2.2)
    ax.set_ylim(-0.8, 1.3)
    ax.set_yticks([])
    for x, words, shade in ((math.sqrt(low * high), "works", ZONE), (at, f" {at:g}", color)):
        ax.text(
            x, 0.97, words, transform=ax.get_xaxis_transform(), ha="center" if shade == ZONE else "left", va="top",
            fontsize=SMALL, color=style.text_color(shade),
        )  # fmt: skip
    return figure
