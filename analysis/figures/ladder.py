"""The ladder as a figure: a row a run, in groups, with what it came to at the end of its row."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.claims.ladder import LadderSpec, RungResult, Standing, climb, standings
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.row_chart import beside, place, place_rows, row_chart, text_color
from analysis.frames.jobs import Frames
from analysis.frames.quality import quality_name
from analysis.wording import number, percent

CROWDED = 0.35
"""Lines nearer than this share of the width have their names one above the other."""


def ladder_chart(frames: Frames, ladder: LadderSpec) -> Figure:
    """The Fréchet distance of every rung, by hypothesis, between the lines of the floor and of the goal.

    A mark is a seed, its colour and shape the outcome; the bar is the mean over a run's seeds. A cross at the right
    edge is a training that diverged; a line leads from the run that a rung starts from, where that is not the floor.
    """
    results = climb(frames, ladder)
    ends = standings(frames, [ladder.floor, ladder.goal])
    titles = {name: f"“{words}”" for name, words in ladder.hypotheses.items()}
    groups: dict[str, list[str]] = {title: [] for title in [*titles.values(), "other steps"]}
    for result in results:
        groups[titles.get(result.rung.hypothesis or "", "other steps")].append(result.rung.run)
    rows = place_rows(groups)
    figure, ax = row_chart(
        rows,
        title=f"Between {ladder.floor} and {ladder.goal}: how near each step comes",
        xlabel=quality_name(frames),
        subtitle="a mark is one seed, a bar the mean of several; lower is better",
    )
    scored = [*ends.values(), *(result.standing for result in results)]
    _scale_distance(ax, [score for standing in scored for score in standing.scores.values()])
    _mark_ends(ax, [standing for standing in ends.values() if standing.scores])
    for x, text in ((13.0, "share of the gap"), (_OUTCOME, "outcome")):
        beside(ax, 0.4, x, text, style.MUTED)
    for result in results:
        if (
            result.rung.start not in (None, ladder.floor)
            and result.start is not None
            and result.mean is not None
        ):
            ax.plot(
                [result.start, result.mean],
                [rows.runs[result.rung.run]] * 2,
                color=style.MUTED,
                lw=1.2,
                zorder=2,
            )
        _draw_standing(ax, rows.runs[result.rung.run], result.standing)
        _tell_result(ax, rows.runs[result.rung.run], result)
    return figure


_SHARE, _WORD, _OUTCOME = 40.0, 46.0, 112.0
"""Where the columns beside the ladder stand, in points right of the axes; the first one's right edge."""


def _scale_distance(ax: Axes, values: Sequence[float]) -> None:
    """From 0, or on a logarithmic axis where the distances span more than `style.WIDE_SPAN`."""
    positive = [value for value in values if value > 0]
    if positive and max(positive) >= style.WIDE_SPAN * min(positive):
        ax.set_xscale("log")
        ax.set_xlim(0.8 * min(positive), 1.4 * max(positive))
        ax.xaxis.set_major_locator(LogLocator(numticks=6))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.set_xlim(0, 1.08 * max(positive, default=1.0))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=style.ROUND_STEPS))
    ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))


def _mark_ends(ax: Axes, ends: Sequence[Standing]) -> None:
    """A line at the mean of the floor and of the goal, named above, over the range of its seeds."""
    drawn = sorted(((standing.mean or 0.0, standing) for standing in ends), key=lambda item: item[0])
    places = [place(ax, mean) for mean, _ in drawn]
    lifted = len(drawn) == 2 and places[1] - places[0] < CROWDED
    for index, (mean, standing) in enumerate(drawn):
        color = _ends_color(standing)
        ax.axvspan(
            min(standing.scores.values()),
            max(standing.scores.values()),
            color=color,
            alpha=0.13,
            lw=0,
            zorder=0.5,
        )
        ax.axvline(mean, color=color, lw=1.4, zorder=1, label=standing.run)
        ax.annotate(
            f"{standing.run}  {number(mean)}", (mean, 1), (0, 15 if lifted and index == 0 else 4),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom",
            ha="right" if index == 0 else "left", color=text_color(color), fontsize=style.TEXT_SIZE, fontweight="bold",
        )  # fmt: skip


def _ends_color(standing: Standing) -> str:
    """The colour of its outcome where all seeds share it, else ink."""
    regimes = set(standing.regimes.values())
    return LOOKS[regimes.pop()].color if len(regimes) == 1 else style.INK


def _draw_standing(ax: Axes, y: float, standing: Standing) -> None:
    if standing.mean is not None and len(standing.scores) > 1:
        ax.plot(
            [standing.mean] * 2,
            [y - 0.36, y + 0.36],
            color=style.INK,
            lw=2.6,
            solid_capstyle="butt",
            zorder=3,
        )
    for seed, score in standing.scores.items():
        look = LOOKS[standing.regimes[seed]]
        ax.plot(
            [score],
            [y],
            marker=look.marker,
            ms=6,
            color=look.color,
            mec="white",
            mew=0.7,
            ls="none",
            zorder=4,
            label=standing.run,
        )
    for _ in standing.diverged[:1]:
        look = LOOKS["diverged"]
        ax.plot(
            [0.992], [y], marker=look.marker, ms=7, color=look.color, mec="white", mew=0.7, ls="none", zorder=4,
            transform=ax.get_yaxis_transform(), clip_on=False, label=standing.run,
        )  # fmt: skip
    if standing.missing and not standing.scores:
        ax.text(
            0.01, y, standing.missing, transform=ax.get_yaxis_transform(), va="center", color=style.MUTED,
            fontsize=style.TEXT_SIZE - 1.5, style="italic",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        )  # fmt: skip


def _tell_result(ax: Axes, y: float, result: RungResult) -> None:
    """The columns beside a row: share of the gap, its word, and the outcomes in their colours."""
    if result.share is not None:
        bold = result.word == "reaches"
        beside(ax, y, _SHARE, percent(result.share), style.INK, right=True, bold=bold)
        beside(ax, y, _WORD, "" if result.word == "diverged" else result.word, style.INK, bold=bold)
    regimes = list(dict.fromkeys(result.standing.regimes.values()))
    text = ", ".join(LOOKS[regime].name for regime in regimes)
    color = LOOKS[regimes[0]].text_color if len(regimes) == 1 else style.INK
    beside(ax, y, _OUTCOME, text, color)
