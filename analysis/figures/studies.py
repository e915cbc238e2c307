"""The figures of a study: its response curve, the plane of two searched numbers, what mattered, what it cost."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.regimes import limits
from analysis.figures.study_axes import HALO, SMALL, Array, kernel_mean, name_of, scale_distances, scale_rates
from analysis.figures.study_curve import response_curve
from analysis.frames.studies import StudyResult
from analysis.wording import number, rate

__all__ = ["best_so_far", "importance", "plane", "response_curve"]

BANDWIDTH = 0.3
"""Width of the map's smoothing, in decades of either number."""
SUPPORT = (0.8, 2.0)
"""Sum of the kernels from which on the map is drawn, and at which it is opaque: one score alone is no map."""
CELLS = 240
LABEL = (1.5, 0.6)
"""Room that a label takes, in decades across and along, with the points' own size."""
AREAS = (40.0, 150.0)
"""Areas of the worst and of the best point of the plane, in points squared."""
QUALITY_MAP = LinearSegmentedColormap.from_list("quality", ["#5d7f9e", "#a9bfd0", "#e6ebef", "#f6f4ef"])
"""Good is dark. Lighter than any regime's colour, which lies on top."""


def plane(ax: Axes, study: StudyResult, x_path: str, y_path: str) -> Axes:
    """The map of two searched numbers: each trial by regime, larger where better, over its smoothed quality.

    The map is the kernel mean on the logarithms, drawn only where several trainings with a score are near.
    """
    style.dress(
        ax,
        title=f"{study.name}: which pairs work",
        subtitle="each point one setting, larger where its Fréchet distance is lower",
        xlabel=name_of(study, x_path),
        ylabel=name_of(study, y_path),
    )
    ax.grid(visible=False)
    scale_rates(ax, *limits(study, x_path))
    scale_rates(ax, *limits(study, y_path), vertical=True)
    ax.set_box_aspect(1)
    both = study.trials.dropna(subset=[x_path, y_path, "regime"])
    _draw_map(ax, study, both.dropna(subset=["quality"]), x_path, y_path)
    ends = [max(ax.get_xlim()[0], ax.get_ylim()[0]), min(ax.get_xlim()[1], ax.get_ylim()[1])]
    ax.plot(ends, ends, color=style.MUTED, lw=0.8, dashes=(4, 3), zorder=1, label="equal rates")
    areas = _areas(both["quality"])
    for regime, own in both.groupby("regime"):
        look = LOOKS[str(regime)]
        ax.scatter(
            own[x_path], own[y_path], s=areas[own.index], marker=look.marker, color=look.color,
            edgecolors="white", linewidths=0.7, zorder=3, label=regime,
        )  # fmt: skip
    _label_settings(ax, study, x_path, y_path)
    counts = both["regime"].value_counts()
    keys = [look.key(f"{look.name} ({counts[name]})") for name, look in LOOKS.items() if counts.get(name, 0)]
    if keys:
        ax.legend(
            handles=keys, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False, fontsize=SMALL,
            labelcolor=style.MUTED, handletextpad=0.4, columnspacing=1.5,
        )  # fmt: skip
    return ax


def importance(ax: Axes, study: StudyResult) -> Axes:
    """Share of each searched setting in the differences between values, as bars; words where it is not known."""
    style.dress(ax, title="What mattered", subtitle="share of the differences in rank (fANOVA)")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    shares = sorted(study.importances.items(), key=lambda item: item[1])
    if not shares:
        ax.set_yticks([])
        ax.text(0, 0.5, "too few settings have ended to say", color=style.MUTED, fontsize=SMALL)
        return ax
    names = [name_of(study, path) for path, _ in shares]
    bars = ax.barh(names, [share for _, share in shares], color=style.ACCENT, height=0.58)
    ax.bar_label(bars, [f"{share:.0%}" for _, share in shares], padding=4, fontsize=SMALL, color=style.INK)
    ax.tick_params(axis="y", colors=style.INK)
    ax.set_xlim(0, 1.12 * max(share for _, share in shares))
    return ax


def best_so_far(ax: Axes, study: StudyResult) -> Axes:
    """The best value measured by then against the generator steps spent, in the order of the trials.

    The second line spends what the same trainings would have taken had none been cut; it supposes that no training
    that was cut would have been the best.
    """
    spent, full = study.steps_spent, study.full_steps
    saved = f"cutting trainings short saved {(full - spent) / full:.0%} of the steps" if full > spent else ""
    quality = study.objective == "quality"
    style.dress(
        ax,
        title=f"{study.name}: best value against steps spent",
        subtitle=saved or "no training was cut short",
        xlabel="generator steps of the search",
        ylabel=f"Fréchet distance, {study.protocol}" if quality else "spectrum distance (dB)",
    )
    style.scale_steps(ax, full)
    trials = study.trials
    scale_distances(ax, trials["measured"], (0.1, 0.08))
    best = trials["measured"].cummin().ffill()
    lines = {
        "full_steps": ("had none been cut", style.MUTED, (4, 2)),
        "steps": ("with pruning", style.ACCENT, ()),
    }
    for column, (label, color, dashes) in lines.items():
        if column == "full_steps" and not saved:
            continue
        x = np.cumsum(trials[column].to_numpy(dtype=float))
        known = best.notna().to_numpy()
        ax.step(
            x[known], best[known], where="post", color=color, lw=1.6 if not dashes else 1.1,
            linestyle=(0, dashes) if dashes else "-", label=label, zorder=3 if not dashes else 2,
        )  # fmt: skip
        if known.any() and saved:
            above = column == "full_steps"
            ax.annotate(
                label, (x[-1], best.iloc[-1]), (0, 7 if above else -7), textcoords="offset points", ha="right",
                va="bottom" if above else "top", fontsize=SMALL, color=color, bbox=HALO, zorder=4,
            )  # fmt: skip
            ax.plot(
                [x[-1]],
                [best.iloc[-1]],
                marker="o",
                ms=4.5,
                color=color,
                mec="white",
                clip_on=False,
                zorder=4,
            )
    ax.scatter(
        np.cumsum(trials["steps"].to_numpy(dtype=float)), trials["measured"], s=12, color=style.ACCENT, alpha=0.35,
        lw=0, zorder=2.5, label="trials",
    )  # fmt: skip
    return ax


def _draw_map(ax: Axes, study: StudyResult, scored: pd.DataFrame, x_path: str, y_path: str) -> None:
    """The smoothed log distance as a background with a colour bar; nothing for fewer than four scores."""
    scores = scored[scored["quality"] > 0]
    if len(scores) < 4 or scores["quality"].nunique() < 2:
        return
    at = np.log10(scores[[x_path, y_path]].to_numpy(dtype=float))
    edges = [
        np.linspace(np.log10(low), np.log10(high), CELLS + 1) for low, high in (ax.get_xlim(), ax.get_ylim())
    ]
    centres = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    grid = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, 2)
    smooth, support = kernel_mean(at, np.log(scores["quality"].to_numpy(dtype=float)), grid, BANDWIDTH)
    opaque = np.clip((support - SUPPORT[0]) / (SUPPORT[1] - SUPPORT[0]), 0, 1)
    norm = LogNorm(scores["quality"].min(), scores["quality"].max())
    colors = QUALITY_MAP(norm(np.exp(smooth)))
    colors[:, 3] = opaque
    ax.pcolormesh(10 ** edges[0], 10 ** edges[1], colors.reshape(CELLS, CELLS, 4), zorder=0, rasterized=True)
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(norm, QUALITY_MAP), ax=ax, shrink=0.72, aspect=28, pad=0.02)
    bar.outline.set_visible(False)
    few = MaxNLocator(nbins=5, steps=style.ROUND_STEPS)  # within a decade 1, 2 and 5 are too few
    wide = scores["quality"].max() >= 10 * scores["quality"].min()
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)) if wide else few)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(style.plain_number))
    bar.ax.tick_params(colors=style.MUTED, labelsize=SMALL, length=0)
    bar.set_label(f"Fréchet distance, {study.protocol}", color=style.MUTED, fontsize=SMALL)
    bar.ax.invert_yaxis()


def _areas(quality: "pd.Series[float]") -> "pd.Series[float]":
    """Area of each point by its rank on the logarithm of quality; the smallest where there is no score."""
    logs = quality.where(quality > 0).map(math.log, na_action="ignore")
    low, high = logs.min(), logs.max()
    if not high > low:
        return pd.Series(AREAS[0], index=quality.index).where(logs.isna(), float(np.mean(AREAS)))
    share: pd.Series[float] = ((high - logs) / (high - low)).fillna(0.0)
    return AREAS[0] + share * (AREAS[1] - AREAS[0])


def _label_settings(ax: Axes, study: StudyResult, x_path: str, y_path: str) -> None:
    """Ring and name the best setting and the enqueued ones."""
    marked: list[tuple[Mapping[Any, Any], str]] = []
    for trial in study.trials[study.trials["enqueued"]].to_dict("records"):
        marked.append((trial, "the report’s" if trial["at_defaults"] else "enqueued"))
    if study.best is not None:
        score = f" {number(study.best.value)}" if study.best.value is not None else ""
        marked.append((study.best.params, f"best{score}"))
    known = study.trials.dropna(subset=[x_path, y_path])
    taken = np.log10(known[[x_path, y_path]].to_numpy(dtype=float))
    for params, words in marked:
        x, y = params.get(x_path), params.get(y_path)
        if not isinstance(x, float | int) or not isinstance(y, float | int):
            continue
        ax.scatter([x], [y], s=260, facecolors="none", edgecolors=style.INK, lw=1.1, zorder=4)
        place = 10 ** _emptiest_place(taken, np.log10([x, y]), np.log10([ax.get_xlim(), ax.get_ylim()]))
        ax.annotate(
            f"{words}\n({rate(x)}, {rate(y)})", (x, y), tuple(place), ha="center", va="center", fontsize=SMALL,
            color=style.INK, bbox=HALO, zorder=5, linespacing=1.3,
            arrowprops={"arrowstyle": "-", "color": style.INK, "lw": 0.8, "shrinkB": 8, "shrinkA": 0},
        )  # fmt: skip


def _emptiest_place(taken: Array, at: Array, ends: Array) -> Array:
    """Where a label (2,) beside a point (2,) hides the fewest of those taken (N, 2), the nearest such, inside ends."""
    half = np.array(LABEL) / 2
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False) + np.pi / 4
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    places = np.concatenate([at + distance * directions for distance in (0.75, 1.1, 1.5, 2.0)])
    inside = ((places - half >= ends[:, 0]) & (places + half <= ends[:, 1])).all(axis=-1)
    clear = (np.abs(places - at) > half).any(axis=-1)
    places = places[inside & clear]
    hidden = (np.abs(taken[None] - places[:, None]) < half).all(axis=-1).sum(axis=-1)
    best: Array = places[int(hidden.argmin())]
    return best
