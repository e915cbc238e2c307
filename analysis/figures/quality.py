"""Figures of quality: Fréchet distances along the runs, over steps or time, and the last one of each seed."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import ScaledTranslation

from analysis.figures import style
from analysis.figures.curves import BAND_SEEDS, STEPS
from analysis.figures.style import LineEnd, RunStyle
from analysis.frames.quality import LastScore, Scores
from analysis.statistics import contrast
from fakeface.evaluation.measures import DISTANCE, FLOOR

BELOW = 7.0
"""Points from the dots of a run to the bar of its mean."""


def quality_curves(
    ax: Axes, scores: Scores, looks: Mapping[str, RunStyle], *, over: Literal["step", "minutes"], last: float
) -> Axes:
    """The Fréchet distance along every run: one line a seed or, from three seeds on, their median in a band from the
    lowest to the highest.

    Both axes of the figure over steps are logarithmic, so that the mean height of a line is the mean along the run.
    Minutes are time at work on whatever each job ran on: pauses between sessions do not count.

    Args:
        looks: how each run is drawn, in the order of the runs.
        last: where the x axis ends.
    """
    if over == "step":
        style.dress(
            ax, title="Quality over training", subtitle="Fréchet distance to the real images; lower is better",
            xlabel=STEPS, ylabel=scores.curve_name,
        )  # fmt: skip
        style.scale_log_steps(ax, int(last))
    else:
        style.dress(
            ax, title="Quality over wall time", subtitle="the same distances; other work on the machine counts",
            xlabel="minutes of work", ylabel=scores.curve_name,
        )  # fmt: skip
        style.scale_minutes(ax, last)
    curves = scores.curves.sort_values("step")
    labels = []
    for run, look in looks.items():
        own = curves[(curves["run"] == run) & curves["value"].notna()]
        if own.empty:
            continue
        if own["seed"].nunique() >= BAND_SEEDS:
            columns = {
                over: (over, "median"),
                "value": ("value", "median"),
                "low": ("value", "min"),
                "high": ("value", "max"),
            }
            own = own.assign(at=own["step"]).groupby("at", as_index=False).agg(**columns).assign(seed=0)
            ax.fill_between(own[over], own["low"], own["high"], color=look.color, alpha=0.16, lw=0, zorder=2)
        sns.lineplot(
            own, x=over, y="value", units="seed", estimator=None, sort=False, ax=ax, color=look.color,
            linestyle=look.linestyle, lw=1.5, marker="o", markersize=3.5, markeredgewidth=0.6, clip_on=False, label=run,
            legend=False, zorder=3,
        )  # fmt: skip
        ends = own.groupby("seed").last()
        labels.append(LineEnd(float(ends[over].max()), float(ends["value"].median()), run, look))
    if over == "minutes" and labels:  # medians end before the slowest seed
        style.scale_minutes(ax, min(last, max(end.x for end in labels)))
    if (curves["value"].dropna() > 0).all():
        style.log_axis(ax.yaxis)
    style.label_ends(ax, labels)
    return ax


def quality_by_run(ax: Axes, scores: Scores, looks: Mapping[str, RunStyle]) -> Axes:
    """The last Fréchet distance of each seed as a strip, with the mean of each run and its 95% interval by t.

    A faint line is the floor that real images have among themselves.
    """
    style.dress(
        ax, title="Last score of each seed", subtitle="a dot a seed; the bar is the mean with its 95% interval",
        xlabel=scores.name,
    )  # fmt: skip
    values = pd.DataFrame(
        [(row.run, found.value) for row in scores.last if (found := row.measured[DISTANCE]) is not None],
        columns=["run", "value"],
    )
    values = values[np.isfinite(values["value"])]
    runs = [run for run in looks if (values["run"] == run).any()]
    dark = {run: looks[run].text_color for run in runs}
    strip = {"data": values, "x": "value", "y": "run", "order": runs, "hue": "run", "legend": False, "ax": ax}
    sns.stripplot(
        **strip, palette={run: looks[run].color for run in runs}, size=5.5, linewidth=0.7, edgecolor="white",
        jitter=False, zorder=3,
    )  # fmt: skip
    dots = len(ax.lines)
    sns.pointplot(
        **strip, palette=dark, errorbar=_interval, marker="|", markersize=7, markeredgewidth=1.6, linestyle="none",
        err_kws={"linewidth": 1.1}, zorder=2,
    )  # fmt: skip
    figure = ax.get_figure(root=True)
    assert figure is not None
    for line in ax.lines[dots:]:  # below the dots, which would hide it
        line.set_transform(line.get_transform() + ScaledTranslation(0, -BELOW / 72, figure.dpi_scale_trans))
    ax.set_ylabel("")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    for label, run in zip(ax.get_yticklabels(), runs, strict=True):
        label.set_color(dark[run])
    _draw_floors(ax, scores.last)
    if values["value"].max() >= style.WIDE_SPAN * values["value"].min() > 0:
        style.log_axis(ax.xaxis)
    else:
        ax.set_xlim(0, 1.08 * values["value"].max())
        ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))
    return ax


def _interval(values: "pd.Series[float]") -> tuple[float, float]:
    """The 95% interval of a mean by t; the value itself where there is one seed, or no spread."""
    found = contrast([values.to_numpy()], [1.0], paired=False) if len(values) > 1 else None
    return (float(values.iloc[0]),) * 2 if found is None else (found.low, found.high)


def _draw_floors(ax: Axes, last: Sequence[LastScore]) -> None:
    """One faint line for each floor; there are several where the real images differ."""
    known = {float(f"{found.value:.3g}") for row in last if (found := row.measured[FLOOR]) is not None}
    for floor in sorted(known):
        ax.axvline(floor, color=style.MUTED, lw=0.8, dashes=(1.4, 1.4), zorder=1)
        ax.annotate(
            "real images", (floor, 1), (2, -1), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=style.TEXT_SIZE - 1.5, color=style.MUTED, va="top", rotation=90,
        )  # fmt: skip
