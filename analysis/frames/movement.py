"""How far each network moves: |update| / |weights| of a step, over all its parameters, and which network starves.

A network starves where it has stalled (`fakeface.evaluation.dynamics`): its steps are small, and together they do not
come to much. A discriminator that has won and therefore hardly moves does not starve: it has nothing left to learn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.frames.jobs import Frames
from fakeface.config import OptimizerConfig
from fakeface.gan.series import UPDATE_RATIO
from fakeface.outcomes import Dynamics

Network = Literal["G", "D"]
Starved = Literal["neither", "G", "D", "both", "mixed"]

NETWORKS: tuple[Network, ...] = ("G", "D")


@dataclass(frozen=True)
class Movement:
    """How one network of a run moved, over the finite probes of all seeds."""

    rate: float
    """Median |update| / |weights| of a step."""
    low: float
    """First quartile."""
    high: float
    """Third quartile."""
    path: float
    """|update| / |weights| summed over the steps taken, the mean over the seeds: the distance moved, in own
    lengths."""


@dataclass(frozen=True)
class RunMovement:
    """How the networks of one run moved."""

    run: str
    optimizer: str
    """Its registered name, or that of each network where they differ."""
    networks: Mapping[Network, Movement]
    seeds: int
    """Trainings with probed steps."""
    starved: Starved
    """Which network starved; `mixed` where the seeds differ."""
    at_rest: bool
    """Whether the discriminator hardly moved with some seed because it had won."""


def stalled_rate() -> float:
    """`STALLED_RATE` of the diagnosis of dynamics, which says why it is what it is."""
    # Imported late, as below: its package imports torch, which a report does not need otherwise.
    from fakeface.evaluation.dynamics import STALLED_RATE

    return STALLED_RATE


def movements(frames: Frames) -> list[RunMovement]:
    """One row a run, as given; a run of which no step was probed in both networks has none."""
    settings = dict(zip(frames.jobs["run"], frames.jobs["settings"], strict=True))
    rows = []
    for run in frames.runs:
        jobs = []
        for job in frames.jobs_of(run):
            curves = {
                network: _finite(frames.curve(run, job["seed"], UPDATE_RATIO[network]))
                for network in NETWORKS
            }
            if all(len(curve) for curve in curves.values()):
                at_rest = [n for n in NETWORKS if _at_rest(curves[n], job)]
                jobs.append((curves, at_rest, job["dynamics"] == Dynamics.DISCRIMINATOR_WON))
        if not jobs:
            continue
        words = {_starved(at_rest, won) for _, at_rest, won in jobs}
        rows.append(
            RunMovement(
                run=run,
                optimizer=_optimizer(settings.get(run, {})),
                networks={
                    network: _movement([curves[network] for curves, _, _ in jobs]) for network in NETWORKS
                },
                seeds=len(jobs),
                starved=words.pop() if len(words) == 1 else "mixed",
                at_rest=any(won and "D" in at_rest for _, at_rest, won in jobs),
            )
        )
    return rows


def _finite(curve: "pd.Series[float]") -> "pd.Series[float]":
    return curve[np.isfinite(curve)]


def _movement(curves: Sequence["pd.Series[float]"]) -> Movement:
    low, rate, high = np.quantile(np.concatenate([curve.to_numpy() for curve in curves]), [0.25, 0.5, 0.75])
    # Only some steps are probed: each counts for all since the one before.
    paths = [float(curve.to_numpy() @ np.diff(curve.index.to_numpy(), prepend=0)) for curve in curves]
    return Movement(float(rate), float(low), float(high), sum(paths) / len(paths))


def _at_rest(curve: "pd.Series[float]", job: Mapping[Any, Any]) -> bool:
    from fakeface.evaluation.dynamics import stalled_since

    taken, total = job["steps"], job["total_steps"]
    total = taken if pd.isna(total) else total
    steps, ratios = np.asarray(curve.index, float), np.asarray(curve, float)
    return stalled_since(steps, ratios, 1, taken, total) is not None


def _starved(at_rest: Sequence[Network], won: bool) -> Starved:
    starving = [network for network in at_rest if not (network == "D" and won)]
    return "both" if len(starving) == 2 else starving[0] if starving else "neither"


def _optimizer(settings: Mapping[str, Any]) -> str:
    """From the settings off their defaults."""
    common = settings.get("optimizer.name", OptimizerConfig().name)
    of_g, of_d = (settings.get(f"optimizer.{network}.name") or common for network in NETWORKS)
    return str(of_g) if of_g == of_d else f"{of_g} (G) and {of_d} (D)"
