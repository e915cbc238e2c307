"""A ladder as a figure: a row a run, by hypothesis, with the share of the gap that it closes and how it ended."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.claims.judging import Verdict
from analysis.claims.ladders import Answer, Ladder, answer_of, group_of, rung_of, shares
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.row_chart import beside, place_rows, row_chart
from analysis.wording import listed, percent

AIR = 0.12
"""Share of a gap that stays free at either end of the axis."""
WIDEST = 1.0
"""Up to so many gaps beyond both ends of the gap an interval is drawn; further out it ends in an arrow."""
_SHARE, _VERDICT, _OUTCOME = 40.0, 46.0, 112.0
"""Where the columns beside the chart are, in points right of the axes; the first one's right edge."""
_LABEL = "share of the gap closed"


def ladder_chart(ladder: Ladder) -> Figure:
    """The share of the gap that every run closes, between its start (0%) and its goal (100%), by hypothesis.

    A mark is a seed, its colour and shape the outcome; the bar is the mean of several, the line its interval. A run
    without a share says why in its row; a hypothesis of which nothing was run has no rows.
    """
    titles = {f"hypothesis {index}": one for index, one in enumerate(ladder.tested)}
    verdicts = [verdict for one in ladder.tested for verdict in one.verdicts]
    rows = place_rows({key: [v.claim.name for v in one.verdicts] for key, one in titles.items()})
    labels = {key: f"“{one.says.rstrip('.')}”: {one.answer}" for key, one in titles.items()}
    figure, ax = row_chart(
        rows,
        title=f"Between {ladder.start} and {ladder.goal}: how near each step comes",
        xlabel=_LABEL,
        subtitle="a mark is one seed, a bar the mean of several with its interval",
        labels=labels | {verdict.claim.name: _label(verdict) for verdict in verdicts},
    )
    _scale(ax, verdicts)
    for at, name in ((0.0, ladder.start), (1.0, ladder.goal)):
        ax.axvline(at, color=style.MUTED, lw=1.2, zorder=1)
        ax.annotate(
            name, (at, 1), (0, 4), xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom",
            ha="center", color=style.INK, fontsize=style.TEXT_SIZE, fontweight="bold",
        )  # fmt: skip
    for x, text in ((13.0, "share"), (_VERDICT, "claimed?"), (_OUTCOME, "outcome")):
        beside(ax, 0.4, x, text, style.MUTED)
    for verdict in verdicts:
        _draw(ax, rows.runs[verdict.claim.name], verdict)
    return figure


def _label(verdict: Verdict) -> str:
    kind = rung_of(verdict)
    return kind.run if kind.origin == kind.start else f"{kind.run}, from {kind.origin}"


def _scale(ax: Axes, verdicts: Sequence[Verdict]) -> None:
    """From all shares to all shares, the ends of the gap included, and as much of the intervals as fits."""
    drawn = [share for verdict in verdicts for share in shares(verdict).values()]
    ends = [end for verdict in verdicts for end in (verdict.low, verdict.high) if end is not None]
    near = [min(max(end, -WIDEST), 1 + WIDEST) for end in ends]
    left, right = min([0.0, *drawn, *near]) - AIR, max([1.0, *drawn, *near]) + AIR
    ax.set_xlim(left, right)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=style.ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share).replace("-", "−")))


def _draw(ax: Axes, y: float, verdict: Verdict) -> None:
    run = rung_of(verdict).run
    group = group_of(verdict, run)
    regimes = group.regimes if group is not None else {}
    left, right = ax.get_xlim()
    if verdict.low is not None and verdict.high is not None:
        low, high = max(verdict.low, left), min(verdict.high, right)
        ax.plot([low, high], [y, y], color=style.INK, lw=1.4, alpha=0.6, zorder=2, solid_capstyle="butt")
        for at, end, marker in ((low, verdict.low, "<"), (high, verdict.high, ">")):
            ax.plot([at], [y], marker if at != end else "|", color=style.INK, ms=5, alpha=0.6, clip_on=False)
    own = shares(verdict)
    for seed, share in own.items():
        look = LOOKS[regimes[seed]]
        ax.plot(
            [share], [y], marker=look.marker, ms=6, color=look.color, mec="white", mew=0.7, ls="none", zorder=4,
            label=run,
        )  # fmt: skip
    if verdict.estimate is not None and len(own) > 1:
        ax.plot(
            [verdict.estimate] * 2, [y - 0.36, y + 0.36], color=style.INK, lw=2.6, solid_capstyle="butt", zorder=3
        )  # fmt: skip
    if verdict.estimate is not None:  # the share, and whether it is what was claimed
        bold = answer_of(verdict) is Answer.YES
        beside(ax, y, _SHARE, verdict.claim.kind.written(verdict.estimate), style.INK, right=True, bold=bold)
        beside(ax, y, _VERDICT, verdict.word, style.INK, bold=bold)
    else:
        why = group.lacking if group is not None and group.lacking else str(verdict.word)
        ax.text(
            0.01, y, why, transform=ax.get_yaxis_transform(), va="center", color=style.MUTED,
            fontsize=style.TEXT_SIZE - 1.5, style="italic",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        )  # fmt: skip
    names = [LOOKS[regime] for regime in dict.fromkeys(regimes.values())]
    color = names[0].text_color if len(names) == 1 else style.INK
    beside(ax, y, _OUTCOME, listed(look.name for look in names), color)
