"""The response curve: what a learning rate does to the quality of the images, and where training fails, and how."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ablations.studies.record import Confirmed
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.regimes import spans
from analysis.figures.study_axes import (
    SMALL,
    draw_regimes,
    name_of,
    regime_legend,
    scale_distances,
    scale_rates,
)
from analysis.frames.studies import StudyResult
from analysis.wording import counted, number, percent, rate
from fakeface.outcomes import Exit, Regime

STRIP = (0.945, 1.0)
"""Height of the strip that names the regimes, as shares of the axes."""
RUG = (0.875, 0.925)
"""Height of the ticks of trainings without a distance."""
ROOM = (0.16, 0.17)
"""Shares of the axes' height without points: below for labels, above for strip and rug."""
MARKER = 34.0
"""Area of a point, in points squared."""


def response_curve(ax: Axes, study: StudyResult, reference_study: StudyResult | None = None) -> Axes:
    """Fréchet distance against the one searched number, each training a point by regime.

    Args:
        study: a study with an `axis`.
        reference_study: the study that the reference's setting comes from, if any; its trainings are drawn faintly
            if it searches the same number.

    Raises:
        ValueError: the study searches more than one number, or none by its logarithm.
    """
    if study.axis is None:
        raise ValueError(
            f"{study.name} has no axis: a response curve needs one number, searched by its logarithm"
        )
    style.dress(
        ax,
        title=f"{study.name}: quality and failure against {name_of(study, study.axis)}",
        subtitle=f"each point one training of {study.total_steps:,} generator steps; lower is better",
        xlabel=f"{name_of(study, study.axis)} ({study.optimizer})",
        ylabel=f"Fréchet distance, {study.protocol}",
    )
    ax.grid(visible=False, axis="y")
    other = _same_axis(study, reference_study)
    trainings = study.training_frame.dropna(subset=[study.axis])
    scored = trainings.dropna(subset=["quality"])
    scale_rates(ax, *study.space[study.axis].bounds)
    distances = [*scored["quality"], *(study.reference.known if study.reference else ())]
    scale_distances(ax, distances if distances or other is None else other["quality"], ROOM)
    _shade_window(ax, study)
    _name_regimes(ax, study)
    keys: list[Artist] = []
    if other is not None and reference_study is not None and len(other):
        keys = _draw_other(ax, study.axis, other, reference_study)
    _draw_reference(ax, study)
    _draw_points(ax, study.axis, scored)
    _draw_rug(ax, study.axis, trainings[trainings["quality"].isna()])
    _mark_enqueued(ax, study, study.axis)
    _mark_best(ax, study, study.axis)
    regime_legend(
        ax, study.training_frame["regime"], -0.13, columns=5, further=[*_further_keys(study), *keys]
    )
    return ax


def _same_axis(study: StudyResult, reference: StudyResult | None) -> pd.DataFrame | None:
    """The reference study's scored trainings, if it searches the same number under the same metric."""
    if reference is None or reference.axis != study.axis or reference.protocol != study.protocol:
        return None
    return reference.training_frame.dropna(subset=["quality", str(study.axis)])


def _shade_window(ax: Axes, study: StudyResult) -> None:
    """The window between the edges, and each edge's interval as a softer band that fades the border."""
    color = LOOKS[Regime.WORKS].color
    located = {side: edge for side, edge in study.edges.items() if edge.estimate is not None}
    if len(located) == 2:
        start, end = located["lower"].estimate or 0.0, located["upper"].estimate or 0.0
        if start < end:
            ax.axvspan(start, end, ymax=STRIP[0], color=color, alpha=0.085, lw=0, zorder=0, label="window")
    for side, edge in located.items():
        assert edge.estimate is not None
        assert edge.low is not None
        assert edge.high is not None
        label = f"{side} interval"
        ax.axvspan(edge.low, edge.high, ymax=STRIP[0], color=color, alpha=0.11, lw=0, zorder=0.1, label=label)
        ax.axvline(edge.estimate, ymax=STRIP[0], color=color, lw=0.9, alpha=0.8, zorder=0.2)


def _name_regimes(ax: Axes, study: StudyResult) -> None:
    """A strip along the top: each stretch in its regime's colour, with the regime's name if it fits."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    points = 0.8 * figure.get_size_inches()[0] * 72
    left, right = ax.get_xlim()
    for span in spans(study):
        look = LOOKS[span.regime]
        ax.axvspan(
            span.low, span.high, ymin=STRIP[0], ymax=STRIP[1], facecolor=look.tint, edgecolor="white", lw=1.2
        )
        room = points * np.log(span.high / span.low) / np.log(right / left)
        name = next((n for n in (look.name, look.short) if n and room > 0.58 * SMALL * len(n)), "")
        ax.text(
            np.sqrt(span.low * span.high), sum(STRIP) / 2 - 0.002, name, transform=ax.get_xaxis_transform(),
            color=look.text_color, fontsize=SMALL, fontweight="bold", ha="center", va="center",
        )  # fmt: skip


def _draw_other(ax: Axes, axis: str, other: pd.DataFrame, reference: StudyResult) -> list[Artist]:
    """The trainings of the reference's study as faint rings. Returns their entry for the legend."""
    ax.scatter(
        other[axis], other["quality"], s=16, facecolors="none", edgecolors=style.MUTED, lw=0.8, alpha=0.8,
        zorder=2.5, label=f"trainings of {reference.name}",
    )  # fmt: skip
    words = f"{reference.name}’s trainings ({reference.optimizer})"
    return [
        Line2D(
            [], [], linestyle="none", marker="o", ms=4, mfc="none", color=style.MUTED, alpha=0.8, label=words
        )
    ]


def _draw_reference(ax: Axes, study: StudyResult) -> None:
    """The reference's confirmed mean as a line across, its seeds' range as a band, named at the right end."""
    reference = study.reference
    if reference is None or not reference.known:
        return
    ax.axhspan(
        min(reference.known), max(reference.known), color=style.INK, alpha=0.09, lw=0, zorder=1, label="seeds"
    )
    height = float(np.mean(reference.known))
    ax.axhline(height, color=style.INK, lw=1.1, dashes=(5, 2), zorder=1.1, label=reference.name)
    text = f"{reference.name}\n{number(height)} ({_seeds(reference)})"
    ax.annotate(
        text, (1, height), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=SMALL, color=style.INK, linespacing=1.35,
    )  # fmt: skip


def _draw_points(ax: Axes, axis: str, scored: pd.DataFrame) -> None:
    """Each training with a distance; those of the best setting's fresh seeds have a dark border."""
    fresh = scored["source"] == "best"
    for own, edge, width, zorder in ((scored[~fresh], "white", 0.6, 3), (scored[fresh], style.INK, 1.0, 4)):
        draw_regimes(
            ax, own, axis, "quality", s=MARKER, alpha=0.92, edgecolor=edge, linewidth=width, zorder=zorder
        )


def _draw_rug(ax: Axes, axis: str, without: pd.DataFrame) -> None:
    """A tick near the top for each training without a distance."""
    if without.empty:
        return
    for regime, own in without.groupby("regime"):
        ax.vlines(
            own[axis], *RUG, transform=ax.get_xaxis_transform(), color=LOOKS[str(regime)].color, lw=1.5,
            label=f"{regime}, no distance", zorder=3,
        )  # fmt: skip
    pruned = without["pruned"]
    why = "cut short" if pruned.all() else "cut or diverged" if pruned.any() else Exit.DIVERGED
    ax.annotate(
        f"{len(without)} without a score:\n{why}", (1, sum(RUG) / 2), (5, 0), xycoords="axes fraction",
        textcoords="offset points", va="center", fontsize=SMALL - 0.5, color=style.MUTED,
    )  # fmt: skip


def _mark_enqueued(ax: Axes, study: StudyResult, axis: str) -> None:
    """A thin line at each enqueued setting, named at its foot; its trainings are ringed."""
    trials, trainings = study.trial_frame, study.training_frame
    for trial in trials[trials["enqueued"]].dropna(subset=[axis]).to_dict("records"):
        x = trial[axis]
        ax.axvline(x, ymax=STRIP[0], color=style.INK, lw=0.8, dashes=(1.5, 2), zorder=1.2)
        own = trainings[trainings["trial"] == trial["number"]].dropna(subset=["quality"])
        ax.scatter(
            own[axis], own["quality"], s=3.6 * MARKER, facecolors="none", edgecolors=style.INK, lw=0.9, zorder=4
        )  # fmt: skip
        named = "the report’s" if trial["at_defaults"] else "enqueued:"
        look = LOOKS.get(str(trial["regime"]))
        right = x > np.sqrt(np.prod(ax.get_xlim()))
        ax.annotate(
            f"{named} {rate(x)}{f': {look.name}' if look else ''}", (x, 0.03), (-5 if right else 5, 0),
            xycoords=("data", "axes fraction"), textcoords="offset points", ha="right" if right else "left",
            va="bottom", fontsize=SMALL, color=style.INK, zorder=5,
        )  # fmt: skip


def _mark_best(ax: Axes, study: StudyResult, axis: str) -> None:
    """The confirmed best setting: a bar from its worst seed to its best, and its mean below in words."""
    best = study.best
    if best is None or not best.known:
        return
    x, mean = best.params[axis], float(np.mean(best.known))
    ax.vlines(x, min(best.known), max(best.known), color=style.INK, lw=1.2, zorder=3.5)
    ax.plot(
        [x], [mean], linestyle="none", marker="_", ms=13, mew=1.8, color=style.INK, zorder=4.5, label="best"
    )
    lowest = min([min(best.known), *(study.reference.known if study.reference else ())])
    ax.annotate(
        f"best {rate(x)}: {number(mean)} ({_seeds(best)})", (x, lowest), (0, -9), textcoords="offset points",
        ha="center", va="top", fontsize=SMALL, fontweight="bold", color=style.INK, zorder=5,
    )  # fmt: skip


def _further_keys(study: StudyResult) -> list[Artist]:
    """Entries of the legend beside the regimes: fresh seeds, and the edges' intervals."""
    keys: list[Artist] = []
    if study.best is not None and study.best.known:
        ring = Line2D([], [], linestyle="none", marker="o", ms=6, color="white", mec=style.INK)
        ring.set_label("fresh seed")
        keys.append(ring)
    levels = [edge.level for edge in study.edges.values() if edge.level is not None]
    if levels:
        words = f"{percent(levels[0])} interval of an edge"
        keys.append(Patch(facecolor=LOOKS[Regime.WORKS].color, alpha=0.2, label=words))
    return keys


def _seeds(confirmed: Confirmed) -> str:
    known, trained = len(confirmed.known), counted(len(confirmed.seeds), "seed")
    return trained if known == len(confirmed.seeds) else f"{known} of {trained}"
