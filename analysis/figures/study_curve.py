"""The response curve: what a learning rate does to the quality of the images, and where training fails, and how."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.regimes import limits, spans
from analysis.figures.study_axes import SMALL, name_of, scale_distances, scale_rates
from analysis.frames.studies import Confirmed, StudyResult
from analysis.wording import number, rate
from fakeface.outcomes import Exit, Regime

STRIP = (0.945, 1.0)
"""Height of the strip that names the regimes, as shares of the axes."""
RUG = (0.875, 0.925)
"""Height of the ticks of trainings without a distance."""
ROOM = (0.16, 0.17)
"""Shares of the axes' height that stay free of points: below for labels, above for strip and rug."""
MARKER = 34.0
"""Area of a point, in points squared."""


def response_curve(ax: Axes, study: StudyResult, reference_study: StudyResult | None = None) -> Axes:
    """Fréchet distance against the one searched number, each training a point by regime.

    Args:
        study: a study with an `axis`.
        reference_study: the study that the reference's setting comes from, if any; its trainings are drawn faintly
            where it searches the same number.

    Raises:
        ValueError: the study searches more than one number, or none by its logarithm.
    """
    if study.axis is None:
        raise ValueError(
            f"{study.name} has no axis: a response curve needs one number, searched by its logarithm"
        )
    _dress(ax, study)
    other = _same_axis(study, reference_study)
    scored = study.trainings.dropna(subset=["quality", study.axis])
    _scale(ax, study, scored, other)
    _shade_window(ax, study)
    _name_regimes(ax, study)
    if other is not None and reference_study is not None:
        ax.scatter(
            other[study.axis], other["quality"], s=16, facecolors="none", edgecolors=style.MUTED, lw=0.8, alpha=0.8,
            zorder=2.5, label=f"trainings of {reference_study.name}",
        )  # fmt: skip
    _draw_reference(ax, study)
    _draw_points(ax, study, scored)
    _draw_rug(ax, study)
    _mark_enqueued(ax, study)
    _mark_best(ax, study)
    _legend(ax, study, other, reference_study)
    return ax


def _dress(ax: Axes, study: StudyResult) -> None:
    assert study.axis is not None
    style.dress(
        ax,
        title=f"{study.name}: quality and failure against {name_of(study, study.axis)}",
        subtitle=f"each point one training of {study.total_steps:,} generator steps; lower is better",
        xlabel=f"{name_of(study, study.axis)} ({study.optimizer})",
        ylabel=f"Fréchet distance, {study.protocol}",
    )
    ax.grid(visible=False, axis="y")


def _same_axis(study: StudyResult, reference: StudyResult | None) -> pd.DataFrame | None:
    """The reference study's scored trainings, if it searches the same number under the same metric."""
    assert study.axis is not None
    if reference is None or reference.axis != study.axis:
        return None
    if (reference.metric, reference.num_samples) != (study.metric, study.num_samples):
        return None
    return reference.trainings.dropna(subset=["quality", study.axis])


def _scale(ax: Axes, study: StudyResult, scored: pd.DataFrame, other: pd.DataFrame | None) -> None:
    assert study.axis is not None
    scale_rates(ax, *limits(study, study.axis))
    distances = [*scored["quality"], *(study.reference.known if study.reference else ())]
    scale_distances(ax, distances if distances or other is None else other["quality"], ROOM)


def _shade_window(ax: Axes, study: StudyResult) -> None:
    """The window between the edges, and each edge's interval as a softer band that fades the border."""
    lower, upper = study.edges.get("lower"), study.edges.get("upper")
    color = LOOKS[Regime.WORKS].color
    left, right = ax.get_xlim()
    located = [edge for edge in (lower, upper) if edge is not None and edge.estimate is not None]
    if lower in located or upper in located:
        start = lower.estimate if lower is not None and lower.estimate is not None else left
        end = upper.estimate if upper is not None and upper.estimate is not None else right
        if len(located) == 2 and start < end:
            ax.axvspan(start, end, ymax=STRIP[0], color=color, alpha=0.085, lw=0, zorder=0, label="window")
    for edge in located:
        low, high = edge.low or left, edge.high or right
        ax.axvspan(
            low, high, ymax=STRIP[0], color=color, alpha=0.11, lw=0, zorder=0.1, label=f"{edge.side} interval"
        )
        ax.axvline(edge.estimate or left, ymax=STRIP[0], color=color, lw=0.9, alpha=0.8, zorder=0.2)  # fmt: skip


def _name_regimes(ax: Axes, study: StudyResult) -> None:
    """A strip along the top: each stretch in its regime's colour, with its name where that fits."""
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


def _draw_reference(ax: Axes, study: StudyResult) -> None:
    """The reference's confirmed mean as a line across, its seeds' range as a band, named at the right end."""
    reference = study.reference
    if reference is None or not reference.known:
        return
    ax.axhspan(
        min(reference.known), max(reference.known), color=style.INK, alpha=0.09, lw=0, zorder=1, label="seeds"
    )
    height = reference.value if reference.value is not None else float(np.mean(reference.known))
    ax.axhline(height, color=style.INK, lw=1.1, dashes=(5, 2), zorder=1.1, label=reference.name)
    text = f"{reference.name}\n{number(height)} ({_seeds(reference)})"
    ax.annotate(
        text, (1, height), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=SMALL, color=style.INK, linespacing=1.35,
    )  # fmt: skip


def _draw_points(ax: Axes, study: StudyResult, scored: pd.DataFrame) -> None:
    assert study.axis is not None
    for regime, look in LOOKS.items():
        for fresh, own in scored[scored["regime"] == regime].groupby(scored["source"] == "best"):
            ax.scatter(
                own[study.axis], own["quality"], s=MARKER, marker=look.marker, color=look.color, alpha=0.92,
                edgecolors=style.INK if fresh else "white", linewidths=1.0 if fresh else 0.6,
                zorder=4 if fresh else 3, label=regime,
            )  # fmt: skip


def _draw_rug(ax: Axes, study: StudyResult) -> None:
    """A tick near the top for each training without a distance."""
    assert study.axis is not None
    without = study.trainings[study.trainings["quality"].isna()].dropna(subset=[study.axis])
    for regime, own in without.groupby("regime"):
        ax.vlines(
            own[study.axis], *RUG, transform=ax.get_xaxis_transform(), color=LOOKS[str(regime)].color, lw=1.5,
            label=f"{regime}, no distance", zorder=3,
        )  # fmt: skip
    if len(without):
        why = (
            "cut short"
            if without["cut"].all()
            else Exit.DIVERGED
            if not without["cut"].any()
            else "cut or diverged"
        )
        ax.annotate(
            f"{len(without)} without a score:\n{why}", (1, sum(RUG) / 2), (5, 0), xycoords="axes fraction",
            textcoords="offset points", va="center", fontsize=SMALL - 0.5, color=style.MUTED,
        )  # fmt: skip


def _mark_enqueued(ax: Axes, study: StudyResult) -> None:
    """A thin line at each enqueued setting, named at its foot; its trainings are ringed."""
    assert study.axis is not None
    for trial in study.trials[study.trials["enqueued"]].dropna(subset=[study.axis]).to_dict("records"):
        x = trial[study.axis]
        ax.axvline(x, ymax=STRIP[0], color=style.INK, lw=0.8, dashes=(1.5, 2), zorder=1.2)
        own = study.trainings[study.trainings["trial"] == trial["number"]].dropna(subset=["quality"])
        ax.scatter(
            own[study.axis], own["quality"], s=3.6 * MARKER, facecolors="none", edgecolors=style.INK, lw=0.9, zorder=4
        )  # fmt: skip
        owner = "the report’s" if trial["at_defaults"] else "enqueued:"
        became = f": {LOOKS[trial['regime']].name}" if trial["regime"] is not None else ""
        right = x > np.sqrt(np.prod(ax.get_xlim()))
        ax.annotate(
            f"{owner} {rate(x)}{became}", (x, 0.03), (-5 if right else 5, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right" if right else "left", va="bottom", fontsize=SMALL, color=style.INK,
            zorder=5,
        )  # fmt: skip


def _mark_best(ax: Axes, study: StudyResult) -> None:
    """The confirmed best setting: a bar from its worst seed to its best, and its mean below in words."""
    assert study.axis is not None
    best = study.best
    if best is None or not best.known:
        return
    x = best.params[study.axis]
    ax.vlines(x, min(best.known), max(best.known), color=style.INK, lw=1.2, zorder=3.5)
    mean = best.value if best.value is not None else float(np.mean(best.known))
    ax.plot(
        [x], [mean], linestyle="none", marker="_", ms=13, mew=1.8, color=style.INK, zorder=4.5, label="best"
    )
    lowest = min([min(best.known), *(study.reference.known if study.reference else ())])
    ax.annotate(
        f"best {rate(x)}: {number(mean)} ({_seeds(best)})", (x, lowest), (0, -9), textcoords="offset points",
        ha="center", va="top", fontsize=SMALL, fontweight="bold", color=style.INK, zorder=5,
    )  # fmt: skip


def _legend(ax: Axes, study: StudyResult, other: pd.DataFrame | None, reference: StudyResult | None) -> None:
    """The regimes that occur with their counts, and what is drawn softly, in rows below the axes."""
    counts = study.trainings["regime"].value_counts()
    keys: list[Line2D | Patch] = [
        look.key(f"{look.name} ({counts[regime]})") for regime, look in LOOKS.items() if counts.get(regime, 0)
    ]
    if study.best is not None and study.best.known:
        fresh = Line2D(
            [], [], linestyle="none", marker="o", ms=6, color="white", mec=style.INK, label="fresh seed"
        )
        keys.append(fresh)
    if any(edge.estimate is not None for edge in study.edges.values()):
        level = next(edge.level for edge in study.edges.values() if edge.estimate is not None) or 0
        keys.append(
            Patch(facecolor=LOOKS[Regime.WORKS].color, alpha=0.2, label=f"{level:.0%} interval of an edge")
        )
    if other is not None and reference is not None and len(other):
        faint = Line2D([], [], linestyle="none", marker="o", ms=4, mfc="none", color=style.MUTED, alpha=0.8)
        faint.set_label(f"{reference.name}’s trainings ({reference.optimizer})")
        keys.append(faint)
    if keys:
        ax.legend(
            handles=keys, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=5, frameon=False,
            fontsize=SMALL, labelcolor=style.MUTED, handletextpad=0.4, columnspacing=1.5,
        )  # fmt: skip


def _seeds(confirmed: Confirmed) -> str:
    known, tried = len(confirmed.known), len(confirmed.seeds)
    counted = f"{tried} seed{'s' if tried != 1 else ''}"
    return counted if known == tried else f"{known} of {counted}"
