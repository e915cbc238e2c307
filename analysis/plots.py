"""The figures: functions that take frames and return Axes or a Figure. They never touch pyplot's global state."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from analysis import style
from analysis.frames import Frames
from analysis.style import RunStyle, run_styles
from analysis.table import quality_name

LOSS_TITLE = "Generator and Discriminator Loss During Training"
STEPS = "iterations (generator steps)"

SMOOTHING = 0.05
"""Width of the smoothing window, as a share of the curve's steps."""


def smooth(curve: "pd.Series[float]") -> "pd.Series[float]":
    """Centred running median, then mean, over 5% of the steps (at least 5). Deaf to spikes; NaN stays NaN."""
    window = max(5, round(SMOOTHING * len(curve))) | 1
    median = curve.rolling(window, center=True, min_periods=1).median().where(np.isfinite(curve))
    return median.rolling(window, center=True, min_periods=1).mean().where(np.isfinite(curve))


def loss_curves(ax: Axes, frames: Frames, run: str, *, top: float | None = None) -> Axes:
    """Loss_D (ink) and Loss_G (the run's colour) of one run over the steps, as the report drew them.

    Args:
        top: upper end of the y axis, so that several runs can share it; a peak beyond it is told in words.
    """
    looks = {"Loss_D": RunStyle(style.INK, ()), "Loss_G": run_styles(frames.runs)[run]}
    jobs = frames.jobs_of(run)
    style.dress(
        ax, title=LOSS_TITLE, subtitle=f"{run}: {_outcomes(jobs)}", xlabel=STEPS, ylabel="loss (nats)"
    )
    labels, peak = [], (0.0, 0)
    for metric, look in looks.items():
        curves = list(_curves(frames, run, metric))
        ends = [_draw(ax, curve, look, metric, raw=len(curves) == 1) for curve in curves]
        peak = max([peak, *(_peak(curve if len(curves) == 1 else smooth(curve)) for curve in curves)])
        if curves:
            labels.append((_middle(ends), metric, look))
    style.scale_steps(ax, _last_step(jobs))
    style.scale_values(ax, [0.0], top=1.05 * (peak[0] or 1.0) if top is None else top)
    if top is not None and peak[0] > top:
        _tell_peak(ax, *peak)
    for metric, look in looks.items():
        _mark_early_ends(ax, frames, run, metric, look)
    style.label_ends(ax, labels)
    return ax


def loss_ceiling(frames: Frames, metrics: Sequence[str] = ("Loss_D", "Loss_G")) -> float | None:
    """An upper end of the loss axis that suits all runs: no spike or diverged job sets it. None without losses."""
    steady = frames.outcomes[frames.outcomes["exit"] != "diverged"]
    highs = []
    for run, seed in zip(steady["run"], steady["seed"], strict=True):
        for metric in metrics:
            curve = frames.curve(run, seed, metric)
            highs += list(curve[np.isfinite(curve)].quantile([0.995]).dropna())
    return 1.08 * max(highs) if highs and max(highs) > 0 else None


def losses_overlaid(frames: Frames, *, stacked: bool = False) -> Figure:
    """All runs: one panel for Loss_D, one for Loss_G. One seed: raw behind smoothed; several: a thin line a seed.

    Args:
        stacked: one panel above the other, for a narrow page, instead of side by side.
    """
    figure = style.figure(5.4, 7.0) if stacked else style.figure(10.8, 4.0)
    panels = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    styles = run_styles(frames.runs)
    names = {"Loss_D": "discriminator", "Loss_G": "generator"}
    for ax, (metric, network) in zip(panels.flat, names.items(), strict=True):
        labels, seen = [], []
        for place, run in enumerate(frames.runs):
            curves = list(_curves(frames, run, metric))
            if not curves:
                continue
            alone = len(curves) == 1
            under = (
                0.35 * max(0, 3 - place) if alone else 0
            )  # so that a run shows below another on the same course
            ends = [_draw(ax, curve, styles[run], run, raw=alone, extra_width=under) for curve in curves]
            labels.append((_middle(ends), run, styles[run]))
            seen += [smooth(curve).to_numpy() for curve in curves]
        style.dress(ax, title=f"{metric}, the {network}’s loss", xlabel=STEPS, ylabel=f"{metric} (nats)")
        style.scale_steps(ax, _last_step(frames.outcomes))
        style.scale_values(ax, np.concatenate(seen) if seen else [], top=loss_ceiling(frames, [metric]))
        for run in frames.runs:
            _mark_early_ends(ax, frames, run, metric, styles[run])
        style.label_ends(ax, labels)
    return figure


def quality_over_steps(ax: Axes, frames: Frames) -> Axes:
    """The Fréchet distance of every run at each evaluation, all under one protocol (`Frames.quality`)."""
    quality = frames.quality()
    styles = run_styles(frames.runs)
    labels = []
    for run in frames.runs:
        ends = []
        for _, scores in quality[quality["run"] == run].groupby("seed"):
            look = styles[run]
            ordered = scores.sort_values("step")
            ax.plot(
                ordered["step"], ordered["value"], color=look.color, linestyle=look.linestyle, label=run,
                lw=1.5, marker="o", ms=4.5, mec="white", mew=0.8, clip_on=False, zorder=3,
            )  # fmt: skip
            ends.append(float(ordered["value"].iloc[-1]))
        if ends:
            labels.append((_middle(ends), run, styles[run]))
    title, subtitle = "Quality over training", "Fréchet distance to the real images; lower is better"
    style.dress(ax, title=title, subtitle=subtitle, xlabel=STEPS, ylabel=quality_name(frames))
    style.scale_steps(ax, _last_step(frames.outcomes))
    style.scale_values(ax, quality["value"])
    style.label_ends(ax, labels)
    return ax


def sample_grids(frames: Frames, seed: int) -> Figure:
    """The last sample grid of each run with one seed, side by side: the same noise everywhere, run and outcome above."""
    jobs = frames.outcomes[frames.outcomes["seed"] == seed]
    columns = min(4, max(1, len(jobs)))
    rows = max(1, -(-len(jobs) // columns))
    figure = style.figure(2.7 * columns, 3.1 * rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    styles = run_styles(frames.runs)
    for ax in panels.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, job in zip(panels.flat, jobs.to_dict("records"), strict=False):
        _show_last_grid(ax, frames, job["run"], seed)
        color = styles[job["run"]].text_color
        ax.set_title(
            job["run"], loc="left", fontsize=style.TEXT_SIZE + 0.5, fontweight="bold", color=color, pad=18
        )
        ax.annotate(
            _outcomes(jobs[jobs["run"] == job["run"]]), (0, 1), (0, 5), xycoords="axes fraction",
            textcoords="offset points", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED, va="bottom",
        )  # fmt: skip
    return figure


def _show_last_grid(ax: Axes, frames: Frames, run: str, seed: int) -> None:
    """The newest grid that can be read, or words in its place."""
    images = frames.images
    own = images[(images["run"] == run) & (images["seed"] == seed)].sort_values("step")
    for path in reversed(list(own["path"])):
        try:
            with Image.open(path) as image:
                ax.imshow(np.asarray(image.convert("RGB")), interpolation="lanczos")
            return
        except OSError:
            continue
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.text(0.5, 0.5, "no samples", ha="center", va="center", color=style.MUTED, fontsize=style.TEXT_SIZE)


def _curves(frames: Frames, run: str, metric: str) -> Iterator["pd.Series[float]"]:
    """The curve of each seed that has one."""
    for seed in frames.jobs_of(run)["seed"]:
        curve = frames.curve(run, seed, metric)
        if len(curve):
            yield curve


def _draw(
    ax: Axes, curve: "pd.Series[float]", look: RunStyle, label: str, *, raw: bool, extra_width: float = 0
) -> float:
    """A smoothed curve, and the raw one behind it where it stands alone. Returns where the line ends."""
    line = smooth(curve)
    if raw:
        ax.plot(curve.index, curve, color=look.color, lw=0.6, alpha=0.28, zorder=2)
    width = (1.5 if raw else 0.9) + extra_width
    ax.plot(line.index, line, color=look.color, linestyle=look.linestyle, lw=width, label=label, zorder=3)
    finite = line[np.isfinite(line)]
    return float(finite.iloc[-1]) if len(finite) else np.nan


def _peak(curve: "pd.Series[float]") -> tuple[float, int]:
    finite = curve[np.isfinite(curve)]
    return (float(finite.max()), int(cast(int, finite.idxmax()))) if len(finite) else (0.0, 0)


def _middle(ends: Sequence[float]) -> float:
    """Where a run's label stands: the median over its seeds."""
    finite = [end for end in ends if np.isfinite(end)]
    return float(np.median(finite)) if finite else np.nan


def _tell_peak(ax: Axes, value: float, step: int) -> None:
    """Say how high a curve goes that leaves the axes at the top."""
    right = step > 0.6 * ax.get_xlim()[1]
    ax.annotate(
        f"peak {style.plain_number(float(f'{value:.3g}'))} at step {step:,}",
        (step, ax.get_ylim()[1]), (-8 if right else 8, -1), textcoords="offset points",
        ha="right" if right else "left", va="top", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}, zorder=5,
    )  # fmt: skip


def _mark_early_ends(ax: Axes, frames: Frames, run: str, metric: str, look: RunStyle) -> None:
    """A cross at the end of each line whose job did not finish, kept inside the axes."""
    low, high = ax.get_ylim()
    for job in frames.jobs_of(run).to_dict("records"):
        line = smooth(frames.curve(run, job["seed"], metric)).dropna()
        if job["exit"] in ("finished", "running") or line.empty:
            continue
        ax.plot(
            [line.index[-1]], [min(high, max(low, float(line.iloc[-1])))], linestyle="none", marker="X", ms=7,
            mec="white", mew=0.8, color=look.color, clip_on=False, zorder=4, label=f"{run} {job['exit']}",
        )  # fmt: skip


def _outcomes(jobs: pd.DataFrame) -> str:
    """The outcome's words of a run; where its seeds differ, how many have which."""
    words = [
        ", ".join(job[name] for name in ("exit", "samples", "dynamics") if job[name])
        for job in jobs.to_dict("records")
    ]
    counts = {text: words.count(text) for text in words}
    if len(counts) == 1:
        return words[0] if len(words) == 1 else f"{words[0]} ({len(words)} seeds)"
    return "; ".join(f"{count} × {text}" for text, count in counts.items())


def _last_step(jobs: pd.DataFrame) -> int:
    """Where the x axis ends: what was planned, or taken, whichever is more."""
    return int(max(jobs["total_steps"].fillna(0).max(), jobs["steps"].max())) if len(jobs) else 0
