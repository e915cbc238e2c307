"""Loss curves: of one run as the report of the course drew them, and of all runs together.

`losses` is what `analysis.frames.losses.loss_curves` gives, or some of its rows. pyplot's state is never touched.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.figures import style
from analysis.figures.style import LineEnd, RunStyle
from analysis.frames.losses import loss_ceiling
from fakeface.declaration import UNDECLARED, Declaration
from fakeface.gan.series import LOSS_D, LOSS_G, SERIES
from fakeface.outcomes import Exit

LOSS_TITLE = "Generator and Discriminator Loss During Training"
STEPS = "iterations (generator steps)"
BAND_SEEDS = 3
"""From so many seeds on, curves of several runs are drawn as bands."""


def run_losses(
    ax: Axes,
    losses: pd.DataFrame,
    look: RunStyle,
    *,
    subtitle: str,
    last_step: int,
    top: float | None = None,
    declared: Declaration = UNDECLARED,
) -> Axes:
    """Loss_D (ink) and Loss_G (the run's colour) of one run over the steps, one line a seed.

    Args:
        losses: of this run alone.
        look: how the run is drawn in every figure.
        subtitle: the run and its outcome.
        top: upper end of the y axis, so that several runs can share it; a higher peak is given in words. Losses that
            fall below zero have an axis of their own.
        declared: what the losses mean.
    """
    style.dress(ax, title=LOSS_TITLE, subtitle=subtitle, xlabel=STEPS, ylabel=declared.with_unit("loss"))
    looks = {LOSS_D: RunStyle(style.INK, ()), LOSS_G: look}
    curves = {metric: losses[losses["metric"] == metric] for metric in looks}
    for metric, own in curves.items():
        _draw_lines(ax, own, looks[metric], metric)
    raw = losses["seed"].nunique() == 1
    height, step = _peak(losses, "value" if raw else "smooth")
    style.scale_steps(ax, last_step)
    lowest = min(0.0, float(losses["smooth"].min())) if losses["smooth"].notna().any() else 0.0
    if lowest < 0:
        top = None
    style.scale_values(ax, [lowest], top=1.05 * (height or 1.0) if top is None else top)
    if top is not None and height > top:
        _annotate_peak(ax, "peak" if raw else "smoothed peak", height, step)
    for metric, own in curves.items():
        _mark_early_ends(ax, own, looks[metric])
    style.label_ends(ax, [_end(own, metric, looks[metric]) for metric, own in curves.items() if len(own)])
    return ax


def compared_losses(
    ax: Axes,
    losses: pd.DataFrame,
    metric: str,
    looks: Mapping[str, RunStyle],
    *,
    last_step: int,
    declared: Declaration = UNDECLARED,
    objective: str = "",
) -> Axes:
    """One loss of all runs.

    One seed: raw behind smoothed; two: a thin line each; more: their median in a band from the lowest to the highest.

    Args:
        losses: of one objective; those of others do not share an axis.
        looks: how each run is drawn, in the order of the runs.
        declared: what the losses mean.
        objective: what the runs minimise, where other axes show others.
    """
    title, unit = f"{metric}, the {SERIES[metric].heading}", declared.with_unit(metric)
    style.dress(ax, title=title, subtitle=objective, xlabel=STEPS, ylabel=unit)
    losses = losses[losses["metric"] == metric]
    curves = {run: losses[losses["run"] == run] for run in looks}
    for place, (run, own) in enumerate(curves.items()):
        if own["seed"].nunique() >= BAND_SEEDS:
            _draw_band(ax, own, looks[run], run)
        else:  # wider below, so that a run shows under another that takes the same course
            _draw_lines(ax, own, looks[run], run, extra_width=0.35 * max(0, 3 - place))
    style.scale_steps(ax, last_step)
    style.scale_values(ax, losses["smooth"].dropna(), top=loss_ceiling(losses))
    for run, own in curves.items():
        _mark_early_ends(ax, own, looks[run])
    style.label_ends(ax, [_end(own, run, looks[run]) for run, own in curves.items() if len(own)])
    return ax


def _draw_lines(ax: Axes, own: pd.DataFrame, look: RunStyle, label: str, *, extra_width: float = 0) -> None:
    """The smoothed curve of each seed, and behind it the raw one where there is but one seed."""
    alone = own["seed"].nunique() == 1
    if alone:
        ax.plot(own["step"], own["value"], color=look.color, lw=0.6, alpha=0.28, zorder=2)
    own = own.dropna(subset=["smooth"])
    if own.empty:
        return
    sns.lineplot(
        own, x="step", y="smooth", units="seed", estimator=None, ax=ax, color=look.color, linestyle=look.linestyle,
        lw=1.5 + extra_width if alone else 0.9, label=label, legend=False, zorder=3,
    )  # fmt: skip


def _draw_band(ax: Axes, own: pd.DataFrame, look: RunStyle, label: str) -> None:
    """The median of the seeds in a band from the lowest to the highest."""
    # Aggregated here: seaborn takes a millisecond a step, a minute for a long training of many runs.
    band = own.groupby("step")["smooth"].agg(["min", "median", "max"])
    ax.fill_between(band.index, band["min"], band["max"], color=look.color, alpha=0.16, lw=0, zorder=2)
    sns.lineplot(
        band, x="step", y="median", estimator=None, ax=ax, color=look.color, linestyle=look.linestyle, lw=1.5,
        label=label, legend=False, zorder=3,
    )  # fmt: skip


def _last_of_seeds(own: pd.DataFrame) -> pd.DataFrame:
    """The last drawn point of each seed."""
    return own.dropna(subset=["smooth"]).sort_values("step").groupby("seed").tail(1)


def _end(own: pd.DataFrame, name: str, look: RunStyle) -> LineEnd:
    """Where the lines of a run end: at its last step, the median over the seeds that got there; NaN without one."""
    ends = _last_of_seeds(own)
    last = ends[ends["step"] == ends["step"].max()]
    return LineEnd(float(last["step"].max()), float(last["smooth"].median()), name, look)


def _peak(losses: pd.DataFrame, column: str) -> tuple[float, int]:
    """The highest finite value and its step."""
    finite = losses[np.isfinite(losses[column])]
    if finite.empty:
        return 0.0, 0
    highest = finite.loc[finite[column].idxmax()]
    return float(cast(float, highest[column])), int(cast(int, highest["step"]))


def _annotate_peak(ax: Axes, word: str, value: float, step: int) -> None:
    """Say how high a curve goes that leaves the axes at the top."""
    right = step > 0.6 * ax.get_xlim()[1]
    ax.annotate(
        f"{word} {style.plain_number(float(f'{value:.3g}'))} at step {step:,}",
        (step, ax.get_ylim()[1]), (-8 if right else 8, -1), textcoords="offset points",
        ha="right" if right else "left", va="top", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}, zorder=5,
    )  # fmt: skip


def _mark_early_ends(ax: Axes, own: pd.DataFrame, look: RunStyle) -> None:
    """A cross at the end of each line whose job did not finish, kept inside the axes."""
    ends = _last_of_seeds(own)
    ends = ends[~ends["exit"].isin([Exit.FINISHED, Exit.RUNNING, Exit.UNKNOWN])]
    low, high = ax.get_ylim()
    for step, value, exit_ in zip(ends["step"], ends["smooth"], ends["exit"], strict=True):
        ax.plot(
            [step], [min(high, max(low, value))], linestyle="none", marker="X", ms=7, mec="white", mew=0.8,
            color=look.color, clip_on=False, zorder=4, label=exit_,
        )  # fmt: skip
