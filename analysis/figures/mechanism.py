"""How far each network of each run moves, as a figure with a row a run."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.figures import style
from analysis.figures.row_chart import beside, place_rows, row_chart
from analysis.frames.movement import NETWORKS, Network, RunMovement, stalled_rate
from analysis.wording import length, rate

NETWORK_LOOKS: Mapping[Network, tuple[str, float]] = {"G": (style.INK, -0.22), "D": ("#8a9099", 0.22)}
"""Colour of a network, and the distance of its mark from the middle of a row, so that two equal ones are both seen."""
STARVED = {
    "neither": "none starves", "G": "G starves", "D": "D starves", "both": "both starve", "mixed": "seeds differ",
}  # fmt: skip


def mechanism_chart(found: Sequence[RunMovement]) -> Figure:
    """|update| / |weights| of a step for the generator (G) and the discriminator (D) of every run, by optimizer.

    A letter is the median over the probed steps, its line the quartiles. A network left of the threshold is slow, and
    starves unless its many steps add up.
    """
    groups: dict[str, list[str]] = {}
    for row in found:
        groups.setdefault(f"under {row.optimizer}", []).append(row.run)
    rows = place_rows(groups)
    figure, ax = row_chart(
        rows,
        title="How far a step moves each network",
        xlabel="|update| / |weights| of a step",
        subtitle="a letter is the median of generator (G) or discriminator (D), its line the quartiles",
    )
    threshold = stalled_rate()
    rates = [end for row in found for moved in row.networks.values() for end in (moved.low, moved.high)]
    positive = [value for value in rates if value > 0] + [threshold]
    ax.set_xscale("log")
    ax.set_xlim(0.5 * min(positive), 2 * max(positive))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value, 2)))
    ax.axvspan(ax.get_xlim()[0], threshold, color=style.MUTED, alpha=0.09, lw=0, zorder=0.4)
    ax.axvline(threshold, color=style.MUTED, lw=1.2, zorder=1, label="slow")
    along = (ax.transScale + ax.transLimits).transform((threshold, 0.0))[0]  # from 0 to 1
    ax.annotate(
        f"slow below {rate(threshold, 2)}", (threshold, 1), (-4, 4), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right" if along > 0.2 else "left", va="bottom",
        color=style.MUTED, fontsize=style.TEXT_SIZE - 1,
    )  # fmt: skip
    for x, text in ((8.0, "lengths moved"), (_STARVED, "verdict")):
        beside(ax, 0.4, x, text, style.MUTED)
    for row in found:
        _draw_movement(ax, rows.runs[row.run], row)
    return figure


_PATH_G, _PATH_D, _STARVED = 44.0, 82.0, 100.0
"""Where the columns beside the mechanism stand, in points right of the axes; the first two's right edges."""


def _draw_movement(ax: Axes, y: float, row: RunMovement) -> None:
    for network, x in zip(NETWORKS, (_PATH_G, _PATH_D), strict=True):
        movement, (color, shift) = row.networks[network], NETWORK_LOOKS[network]
        ax.plot([movement.low, movement.high], [y + shift] * 2, color=color, lw=1.6, alpha=0.55, zorder=2)
        ax.plot(
            [movement.rate], [y + shift], marker="o", ms=8.5, color=color, mec="white", mew=0.7, zorder=3, label=row.run
        )  # fmt: skip
        ax.annotate(
            network, (movement.rate, y + shift), (0, -0.3), textcoords="offset points", ha="center", va="center",
            color="white", fontsize=5.5, fontweight="bold", zorder=4, annotation_clip=False,
        )  # fmt: skip
        beside(ax, y, x, length(movement.path), style.text_color(color), right=True)
    starves = row.starved not in ("neither", "mixed")
    text = STARVED[row.starved] + (", D at rest: it won" if row.at_rest else "")
    beside(ax, y, _STARVED, text, style.INK, bold=starves)
