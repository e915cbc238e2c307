"""The figure of performance profiles: the share of each run's seeds that are as good as a threshold, or better."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from analysis.figures import style
from analysis.figures.style import RunStyle

MOST_BANDS = 2
"""More bands would hide each other."""


def performance_profiles(
    ax: Axes, profiles: pd.DataFrame, looks: Mapping[str, RunStyle], *, quality: str
) -> Axes:
    """One stair a run, in the band of its intervals where there are few runs.

    Args:
        profiles: run, threshold, share, low, high.
        looks: how each run is drawn, in the order of the runs.
        quality: name of the Fréchet distance with its N.
    """
    style.dress(
        ax, title="Performance profiles", subtitle="the further left and the higher, the better", xlabel=quality,
        ylabel="share of seeds at or below",
    )  # fmt: skip
    runs = [run for run in looks if (profiles["run"] == run).any()]
    values = profiles["threshold"]
    wide = values.max() >= style.WIDE_SPAN * values.min() > 0
    first, last = (values.min() / 1.1, values.max() * 1.1) if wide else (0, values.max() * 1.08)
    for run in runs:
        own, look = profiles[profiles["run"] == run].sort_values("threshold"), looks[run]
        x = np.array([first, *own["threshold"], last])
        share, low, high = (
            np.array([start, *own[name], own[name].iloc[-1]])
            for name, start in (("share", 0.0), ("low", 0.0), ("high", own["high"].min()))
        )
        ax.step(
            x, share, where="post", color=look.color, linestyle=look.linestyle, lw=1.6, label=run, zorder=3
        )
        if len(runs) <= MOST_BANDS:
            ax.fill_between(x, low, high, step="post", color=look.color, alpha=0.13, lw=0, zorder=2)
    if wide:
        style.log_axis(ax.xaxis)
    else:
        ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))
    ax.set_xlim(first, last)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.legend(  # all stairs end at the same height: labels at their ends would tell nothing
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=style.TEXT_SIZE - 0.5,
        labelcolor=[looks[run].text_color for run in runs],
    )  # fmt: skip
    return ax
