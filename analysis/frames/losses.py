"""The loss curves of all jobs in one tidy table, with the smoothed curves that figures draw."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.frames.jobs import Frames
from fakeface.declaration import Declaration
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.outcomes import Exit

SMOOTHING = 0.05
"""Width of the smoothing window, as a share of the curve's steps."""
FAR_ABOVE = 4
"""A loss so many times above the median of all does not set the end of a shared axis."""


def loss_curves(frames: Frames) -> pd.DataFrame:
    """run, seed, step, metric, value, smooth, exit: Loss_D and Loss_G of every job, NaN included."""
    losses = frames.metrics[frames.metrics["metric"].isin([LOSS_D, LOSS_G])].reset_index(drop=True)
    parts = losses.groupby(["run", "seed", "metric"], observed=True)["value"]
    exits = frames.outcomes[["run", "seed", "exit"]]
    return losses.assign(smooth=parts.transform(smooth)).merge(exits, on=["run", "seed"])


def by_objective(frames: Frames, losses: pd.DataFrame) -> list[tuple[Declaration, pd.DataFrame]]:
    """The curves of `loss_curves`, apart for each objective, in the order of the runs: others do not share an axis."""
    jobs = frames.jobs[["run", "seed", "declared"]]
    found = losses.merge(jobs, on=["run", "seed"], how="left")
    objectives = {one.objective: one for one in found["declared"]}
    places = found["declared"].map(lambda one: one.objective)
    return [(one, losses[(places == key).to_numpy()]) for key, one in objectives.items()]


def smooth(curve: "pd.Series[float]") -> "pd.Series[float]":
    """Centred running median, then mean, over 5% of the steps (at least 5). Ignores spikes; NaN stays NaN."""
    window = max(5, round(SMOOTHING * len(curve))) | 1
    median = curve.rolling(window, center=True, min_periods=1).median()
    return median.rolling(window, center=True, min_periods=1).mean().where(np.isfinite(curve))


def loss_ceiling(losses: pd.DataFrame, metrics: Sequence[str] = (LOSS_D, LOSS_G)) -> float | None:
    """An upper end of the loss axis that suits all runs: no spike, no diverged job and no run far above the others
    sets it. None without losses."""
    steady = losses[
        losses["metric"].isin(metrics) & (losses["exit"] != Exit.DIVERGED) & np.isfinite(losses["value"])
    ]
    highs = steady.groupby(["run", "seed", "metric"], observed=True)["value"].quantile(0.995)
    if highs.empty or highs.max() <= 0:
        return None
    return 1.08 * min(float(highs.max()), FAR_ABOVE * float(highs[highs > 0].median()))
