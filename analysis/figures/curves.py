"""The figures: functions that take frames and return Axes or a Figure. They never touch pyplot's global state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from analysis.figures import style
from analysis.figures.style import RunStyle, run_styles
from analysis.frames.jobs import Frames
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.outcomes import Exit

LOSS_TITLE = "Generator and Discriminator Loss During Training"
STEPS = "iterations (generator steps)"

FAR_ABOVE = 4
"""A loss so many times above the median of all leaves a shared axis; its peak is told."""
BAND_SEEDS = 3
"""From so many seeds on, curves of several runs are drawn as bands."""

FEW_GRIDS = 8
"""So many grids are shown large."""
GRID_PIXELS = 512
"""Widest side of a grid in the figure of all: as many as its place on the page has."""

SMOOTHING = 0.05
"""Width of the smoothing window, as a share of the curve's steps."""


def smooth(curve: "pd.Series[float]") -> "pd.Series[float]":
    """Centred running median, then mean, over 5% of the steps (at least 5). Deaf to spikes; NaN stays NaN."""
    window = max(5, round(SMOOTHING * len(curve))) | 1
    median = curve.rolling(window, center=True, min_periods=1).median()
    return median.rolling(window, center=True, min_periods=1).mean().where(np.isfinite(curve))


def loss_curves(ax: Axes, frames: Frames, run: str, *, top: float | None = None) -> Axes:
    """Loss_D (ink) and Loss_G (the run's colour) of one run over the steps, as the report drew them.

    Args:
        top: upper end of the y axis, so that several runs can share it; a peak beyond it is told in words.
    """
    looks = {LOSS_D: RunStyle(style.INK, ()), LOSS_G: run_styles(frames.runs)[run]}
    jobs = frames.jobs_of(run)
    style.dress(
        ax, title=LOSS_TITLE, subtitle=f"{run}: {_outcomes(jobs)}", xlabel=STEPS, ylabel="loss (nats)"
    )
    bundles = {metric: _bundle(ax, frames, run, metric, look, metric) for metric, look in looks.items()}
    peak = max([(0.0, 0), *(bundle.peak for bundle in bundles.values())])
    style.scale_steps(ax, last_step(jobs))
    style.scale_values(ax, [0.0], top=1.05 * (peak[0] or 1.0) if top is None else top)
    if top is not None and peak[0] > top:
        raw = all(len(bundle.lines) == 1 for bundle in bundles.values() if bundle.lines)
        _tell_peak(ax, "peak" if raw else "smoothed peak", *peak)
    for bundle in bundles.values():
        _mark_early_ends(ax, bundle)
    style.label_ends(ax, [(b.end, metric, b.look) for metric, b in bundles.items() if b.lines])
    return ax


def loss_ceiling(frames: Frames, metrics: Sequence[str] = (LOSS_D, LOSS_G)) -> float | None:
    """An upper end of the loss axis that suits all runs: no spike, no diverged job and no run far above the others
    sets it. None without losses."""
    steady = frames.outcomes[frames.outcomes["exit"] != Exit.DIVERGED]
    highs = []
    for run, seed in zip(steady["run"], steady["seed"], strict=True):
        for metric in metrics:
            curve = frames.curve(run, seed, metric)
            highs += list(curve[np.isfinite(curve)].quantile([0.995]).dropna())
    if not highs or max(highs) <= 0:
        return None
    return 1.08 * min(max(highs), FAR_ABOVE * float(np.median([high for high in highs if high > 0])))


def losses_overlaid(frames: Frames, *, stacked: bool = False) -> Figure:
    """All runs: one panel for Loss_D, one for Loss_G.

    One seed: raw behind smoothed; two: a thin line each; more: their median in a band from the lowest to the highest.

    Args:
        stacked: one panel above the other, for a narrow page, instead of side by side.
    """
    figure = style.figure(4.7, 6.4) if stacked else style.figure(9.4, 3.7)
    panels = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    styles = run_styles(frames.runs)
    names = {LOSS_D: "discriminator", LOSS_G: "generator"}
    for ax, (metric, network) in zip(panels.flat, names.items(), strict=True):
        style.dress(ax, title=f"{metric}, the {network}’s loss", xlabel=STEPS, ylabel=f"{metric} (nats)")
        bundles = {}
        for place, run in enumerate(frames.runs):
            under = 0.35 * max(
                0, 3 - place
            )  # wider below, so that a run shows under another on the same course
            bundles[run] = _bundle(ax, frames, run, metric, styles[run], run, extra_width=under, band=True)
        values = [value for bundle in bundles.values() for line in bundle.lines for value in line]
        style.scale_steps(ax, last_step(frames.outcomes))
        style.scale_values(ax, values, top=loss_ceiling(frames, [metric]))
        for bundle in bundles.values():
            _mark_early_ends(ax, bundle)
        style.label_ends(ax, [(b.end, run, b.look) for run, b in bundles.items() if b.lines])
    return figure


def sample_grids(frames: Frames, seed: int) -> Figure:
    """The last sample grid of each run with one seed, side by side, all on the same noise; run and outcome above."""
    jobs = frames.outcomes[frames.outcomes["seed"] == seed]
    most, width = (4, 2.7) if len(jobs) <= FEW_GRIDS else (5, 2.1)
    columns = min(most, max(1, len(jobs)))
    rows = max(1, -(-len(jobs) // columns))
    figure = style.figure(width * columns, (width + 0.4) * rows)
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
                picture = image.convert("RGB")
            picture.thumbnail((GRID_PIXELS, GRID_PIXELS), Image.Resampling.LANCZOS)
            ax.imshow(np.asarray(picture))
            return
        except OSError:
            continue
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.text(0.5, 0.5, "no samples", ha="center", va="center", color=style.MUTED, fontsize=style.TEXT_SIZE)


@dataclass
class _Bundle:
    """One metric of one run, drawn: a smoothed line for each seed that has one, and how each job ended."""

    look: RunStyle
    lines: list["pd.Series[float]"] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)
    peak: tuple[float, int] = (0.0, 0)
    """Highest value drawn, and its step."""

    @property
    def end(self) -> float:
        """Where the label stands: the median of the lines' ends over the seeds; NaN without a finite one."""
        ends = [line.dropna().iloc[-1] for line in self.lines if line.notna().any()]
        return float(np.median(ends)) if ends else np.nan


def _bundle(
    ax: Axes, frames: Frames, run: str, metric: str, look: RunStyle, label: str, *, extra_width: float = 0,
    band: bool = False,
) -> _Bundle:  # fmt: skip
    """Draw the smoothed curve of each seed, and behind it the raw one where the run has but one seed.

    Args:
        band: of BAND_SEEDS or more, draw their median in a band in place of each.
    """
    bundle = _Bundle(look)
    jobs = frames.jobs_of(run)
    curves = [
        (exit_, frames.curve(run, seed, metric))
        for exit_, seed in zip(jobs["exit"], jobs["seed"], strict=True)
    ]
    curves = [(exit_, curve) for exit_, curve in curves if len(curve)]
    alone, banded = len(curves) == 1, band and len(curves) >= BAND_SEEDS
    for exit_, curve in curves:
        line = smooth(curve)
        if alone:
            ax.plot(curve.index, curve, color=look.color, lw=0.6, alpha=0.28, zorder=2)
        width = 1.5 + extra_width if alone else 0.9
        if not banded:
            ax.plot(
                line.index, line, color=look.color, linestyle=look.linestyle, lw=width, label=label, zorder=3
            )
        bundle.lines.append(line)
        bundle.exits.append(exit_)
        bundle.peak = max(bundle.peak, _peak(curve if alone else line))
    if banded:
        together = pd.concat(bundle.lines, axis=1)
        low, high, middle = together.min(axis=1), together.max(axis=1), together.median(axis=1)
        ax.fill_between(together.index, low, high, color=look.color, alpha=0.16, lw=0, zorder=2)
        ax.plot(
            middle.index, middle, color=look.color, linestyle=look.linestyle, lw=1.5, label=label, zorder=3
        )
    return bundle


def _peak(curve: "pd.Series[float]") -> tuple[float, int]:
    finite = curve[np.isfinite(curve)]
    return (float(finite.max()), int(cast(int, finite.idxmax()))) if len(finite) else (0.0, 0)


def _tell_peak(ax: Axes, word: str, value: float, step: int) -> None:
    """Say how high a curve goes that leaves the axes at the top."""
    right = step > 0.6 * ax.get_xlim()[1]
    ax.annotate(
        f"{word} {style.plain_number(float(f'{value:.3g}'))} at step {step:,}",
        (step, ax.get_ylim()[1]), (-8 if right else 8, -1), textcoords="offset points",
        ha="right" if right else "left", va="top", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}, zorder=5,
    )  # fmt: skip


def _mark_early_ends(ax: Axes, bundle: _Bundle) -> None:
    """A cross at the end of each line whose job did not finish, kept inside the axes."""
    low, high = ax.get_ylim()
    for exit_, line in zip(bundle.exits, bundle.lines, strict=True):
        drawn = line.dropna()
        if exit_ in (Exit.FINISHED, Exit.RUNNING) or drawn.empty:
            continue
        ax.plot(
            [drawn.index[-1]], [min(high, max(low, float(drawn.iloc[-1])))], linestyle="none", marker="X", ms=7,
            mec="white", mew=0.8, color=bundle.look.color, clip_on=False, zorder=4, label=exit_,
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


def last_step(jobs: pd.DataFrame) -> int:
    """Where the x axis ends: what was planned, or taken, whichever is more."""
    return int(max(jobs["total_steps"].fillna(0).max(), jobs["steps"].max())) if len(jobs) else 0
