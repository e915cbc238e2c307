"""The figures of a study: its response curve, the plane of two searched numbers, what mattered, what it cost."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.response import response_curve
from analysis.figures.study_axes import (
    HALO,
    SMALL,
    draw_regimes,
    name_of,
    regime_legend,
    scale_distances,
    scale_rates,
)
from analysis.frames.studies import StudyResult
from analysis.wording import number, percent, rate
from fakeface.files import os_errors, output_file

Array = npt.NDArray[np.float64]

BANDWIDTH = 0.3
"""Width of the map's smoothing, in decades of either number."""
SUPPORT = (0.8, 2.0)
"""Sum of the kernels at which the map begins to show, and at which it is opaque: a single score makes no map."""
CELLS = 240
LABEL = (1.5, 0.6)
"""Size of a label in decades across and along, with the points' own size."""
AREAS = (40.0, 150.0)
"""Areas of the worst and of the best point of the plane, in points squared."""
QUALITY_MAP = LinearSegmentedColormap.from_list("quality", ["#5d7f9e", "#a9bfd0", "#e6ebef", "#f6f4ef"])
"""Good is dark, but lighter than any regime's colour, which is drawn over it."""


def study_figures(study: StudyResult, reference: StudyResult | None = None) -> dict[str, Figure]:
    """Every figure that the study has data for, by name.

    Args:
        reference: the study that tuned the reference, if there is one.
    """
    figures: dict[str, Figure] = {}
    if study.training_frame.empty:
        return figures
    if study.axis is not None:
        figures["response"] = style.figure(8.4, 4.6)
        response_curve(figures["response"].subplots(), study, reference)
    rates = [path for path, dimension in study.space.items() if dimension.log]
    if len(rates) >= 2:
        figures["plane"] = style.figure(6.0, 5.2)
        plane(figures["plane"].subplots(), study, rates[0], rates[1])
    if len(study.importances) > 1:
        figures["importance"] = style.figure(5.2, 0.8 + 0.4 * len(study.importances))
        importance(figures["importance"].subplots(), study)
    figures["best-so-far"] = style.figure(6.4, 3.6)
    best_so_far(figures["best-so-far"].subplots(), study)
    return figures


def write_figures(folder: Path, study: StudyResult, reference: StudyResult | None = None) -> None:
    """Write a study's figures into a folder, each as a PNG. Raises UserError if they cannot be written."""
    with os_errors(folder, "write the figures"):
        for name, figure in study_figures(study, reference).items():
            with output_file(folder / f"{name}.png") as file:
                figure.savefig(file, format="png", dpi=style.DPI, metadata={"Software": None})


def plane(ax: Axes, study: StudyResult, x_path: str, y_path: str) -> Axes:
    """The map of two searched numbers: each trial by regime, larger if better, over its smoothed quality.

    The map is the kernel mean on the logarithms, drawn only near several trainings with a score.
    """
    style.dress(
        ax,
        title=f"{study.name}: which pairs work",
        subtitle="each point one setting, larger where its Fréchet distance is lower",
        xlabel=name_of(study, x_path),
        ylabel=name_of(study, y_path),
    )
    ax.grid(visible=False)
    scale_rates(ax, *study.space[x_path].bounds)
    scale_rates(ax, *study.space[y_path].bounds, vertical=True)
    ax.set_box_aspect(1)
    trials = study.trial_frame.dropna(subset=[x_path, y_path])
    trials = trials[trials["regime"].isin(list(LOOKS))]
    _draw_map(ax, study, trials.dropna(subset=["quality"]), x_path, y_path)
    ends = [max(ax.get_xlim()[0], ax.get_ylim()[0]), min(ax.get_xlim()[1], ax.get_ylim()[1])]
    ax.plot(ends, ends, color=style.MUTED, lw=0.8, dashes=(4, 3), zorder=1, label="equal rates")
    draw_regimes(ax, trials, x_path, y_path, s=_areas(trials["quality"]).to_numpy(), linewidth=0.7, zorder=3)
    _label_settings(ax, study, x_path, y_path)
    regime_legend(ax, trials["regime"], -0.12, columns=3)
    return ax


def importance(ax: Axes, study: StudyResult) -> Axes:
    """Share of each searched setting in the differences between values, as bars."""
    style.dress(ax, title="What mattered", subtitle="share of the differences in rank (fANOVA)")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    shares = sorted(study.importances.items(), key=lambda item: item[1])
    names = [name_of(study, path) for path, _ in shares]
    bars = ax.barh(names, [share for _, share in shares], color=style.ACCENT, height=0.58)
    ax.bar_label(bars, [percent(share) for _, share in shares], padding=4, fontsize=SMALL, color=style.INK)
    ax.tick_params(axis="y", colors=style.INK)
    ax.set_xlim(0, 1.12 * max(study.importances.values()))
    return ax


def best_so_far(ax: Axes, study: StudyResult) -> Axes:
    """The best value measured so far against the generator steps spent, in the order of the trials.

    A second line spends what the same trainings would have taken if none had been pruned; it assumes that no pruned
    training would have been the best.
    """
    trials, spent, full = study.trial_frame, study.steps_spent, study.full_steps
    saved = full > spent
    quality = study.objective.name == "quality"
    style.dress(
        ax,
        title=f"{study.name}: best value against steps spent",
        subtitle=f"pruning saved {percent((full - spent) / full)} of the steps"
        if saved
        else "no training was pruned",
        xlabel="generator steps of the search",
        ylabel=f"Fréchet distance, {study.protocol}" if quality else "spectrum distance (dB)",
    )
    style.scale_steps(ax, full)
    scale_distances(ax, trials["measured"], (0.1, 0.08))
    best = trials["measured"].cummin().ffill().dropna()
    lines = [("full_steps", "without pruning", style.MUTED, 1.1, "--")] if saved else []
    lines.append(("steps", "with pruning", style.ACCENT, 1.6, "-"))
    for column, label, color, width, dash in lines:
        steps = trials[column].astype(float).cumsum()[best.index]
        ax.step(steps, best, where="post", color=color, lw=width, linestyle=dash, label=label, zorder=3)
        if saved and len(best):
            end, below = (steps.iloc[-1], best.iloc[-1]), column == "steps"
            ax.annotate(
                label, end, (0, -7 if below else 7), textcoords="offset points", ha="right",
                va="top" if below else "bottom", fontsize=SMALL, color=color, bbox=HALO, zorder=4,
            )  # fmt: skip
            ax.plot(*end, marker="o", ms=4.5, color=color, mec="white", clip_on=False, zorder=4)
    ax.scatter(
        trials["steps"].astype(float).cumsum(), trials["measured"], s=12, color=style.ACCENT, alpha=0.35, lw=0,
        zorder=2.5, label="trials",
    )  # fmt: skip
    return ax


def kernel_mean(at: Array, values: Array, grid: Array, width: float) -> tuple[Array, Array]:
    """Nadaraya and Watson's mean, with a Gaussian kernel, of values (N,) at places (N, d), on a grid (M, d).

    Returns the means (M,) and their support (M,): the sum of the kernels, 1 for one value at its own place.
    """
    squared = np.stack([((grid - place) ** 2).sum(axis=-1) for place in at], axis=-1) / width**2
    nearest = squared.min(axis=-1, keepdims=True)
    weights = np.exp(-0.5 * (squared - nearest))  # relative to the nearest, so that far away none underflows
    mean: Array = weights @ values / weights.sum(axis=-1)
    return mean, weights.sum(axis=-1) * np.exp(-0.5 * nearest[:, 0])


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
    norm = LogNorm(scores["quality"].min(), scores["quality"].max())
    colors = QUALITY_MAP(norm(np.exp(smooth)))
    colors[:, 3] = np.clip((support - SUPPORT[0]) / (SUPPORT[1] - SUPPORT[0]), 0, 1)
    ax.pcolormesh(10 ** edges[0], 10 ** edges[1], colors.reshape(CELLS, CELLS, 4), zorder=0, rasterized=True)
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(norm, QUALITY_MAP), ax=ax, shrink=0.72, aspect=28, pad=0.02)
    bar.outline.set_visible(False)
    style.log_axis(bar.ax.yaxis)
    bar.ax.tick_params(colors=style.MUTED, labelsize=SMALL, length=0)
    bar.set_label(f"Fréchet distance, {study.protocol}", color=style.MUTED, fontsize=SMALL)
    bar.ax.invert_yaxis()


def _areas(quality: "pd.Series[float]") -> "pd.Series[float]":
    """Area of each point by its place on the logarithm of quality; the smallest without a score."""
    logs = quality.where(quality > 0).map(math.log, na_action="ignore")
    low, high = logs.min(), logs.max()
    if not high > low:
        return pd.Series(AREAS[0], index=quality.index).where(logs.isna(), float(np.mean(AREAS)))
    share: pd.Series[float] = ((high - logs) / (high - low)).fillna(0.0)
    return AREAS[0] + share * (AREAS[1] - AREAS[0])


def _label_settings(ax: Axes, study: StudyResult, x_path: str, y_path: str) -> None:
    """Ring and name the best setting and the enqueued ones."""
    trials = study.trial_frame
    marked: list[tuple[Mapping[Any, Any], str]] = []
    for trial in trials[trials["enqueued"]].to_dict("records"):
        marked.append((trial, "the report’s" if trial["at_defaults"] else "enqueued"))
    if study.best is not None:
        score = f" {number(study.best.value)}" if study.best.value is not None else ""
        marked.append((study.best.params, f"best{score}"))
    taken = np.log10(trials[[x_path, y_path]].dropna().to_numpy(dtype=float))
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
    """Where a label (2,) beside a point (2,), inside ends, hides the fewest points (N, 2); the nearest such place."""
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
