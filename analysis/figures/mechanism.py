"""How far each network moves: |update| / |weights| of a step, over all its parameters, and which network starves.

A network starves where its median step is below `STALLED_RATE` of its own length. A discriminator at rest because it
has won does not: it has nothing left to learn.
"""

from collections.abc import Callable, Mapping, Sequence
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
NAMES: Mapping[Network, str] = {"G": "the generator", "D": "the discriminator"}
_NAMED = 4
"""Up to so many runs are named in a phrase; more are counted."""


@dataclass(frozen=True)
class Movement:
    """How one network of a run moved, over the probed steps of all seeds, what is not finite left out."""

    rate: float
    """Median |update| / |weights| of a step."""
    low: float
    """First quartile."""
    high: float
    """Third quartile."""
    path: float
    """|update| / |weights| summed over the steps taken, the mean over the seeds: the way gone in own lengths."""


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
    """Whether the discriminator lay still with some seed because it had won."""


def stalled_rate() -> float:
    """`STALLED_RATE` of the diagnosis of dynamics, which says why it is what it is."""
    # Imported late: its package imports torch, which a report does not need else.
    from fakeface.evaluation.dynamics import STALLED_RATE

    return STALLED_RATE


def movements(frames: Frames) -> list[RunMovement]:
    """One row a run, as given; a run of which no step was probed in both networks has none."""
    settings = dict(zip(frames.jobs["run"], frames.jobs["settings"], strict=True))
    rows = []
    for run in frames.runs:
        jobs = []
        for job in frames.jobs_of(run).to_dict("records"):
            curves = {
                network: _finite(frames.curve(run, job["seed"], UPDATE_RATIO[network]))
                for network in NETWORKS
            }
            if all(len(curve) for curve in curves.values()):
                jobs.append((curves, job["dynamics"] == Dynamics.DISCRIMINATOR_WON))
        if not jobs:
            continue
        words = {_starved(curves, won) for curves, won in jobs}
        rows.append(
            RunMovement(
                run=run,
                optimizer=_optimizer(settings.get(run, {})),
                networks={
                    network: _movement([curves[network] for curves, _ in jobs]) for network in NETWORKS
                },
                seeds=len(jobs),
                starved=words.pop() if len(words) == 1 else "mixed",
                at_rest=any(won and curves["D"].median() < stalled_rate() for curves, won in jobs),
            )
        )
    return rows


def _finite(curve: "pd.Series[float]") -> "pd.Series[float]":
    return curve[np.isfinite(curve)]


def _movement(curves: Sequence["pd.Series[float]"]) -> Movement:
    low, rate, high = np.quantile(np.concatenate([curve.to_numpy() for curve in curves]), [0.25, 0.5, 0.75])
    # Steps are probed now and then: each stands for those since the one before.
    paths = [float(curve.to_numpy() @ np.diff(curve.index.to_numpy(), prepend=0)) for curve in curves]
    return Movement(float(rate), float(low), float(high), sum(paths) / len(paths))


def _starved(curves: Mapping[Network, "pd.Series[float]"], won: bool) -> Starved:
    still = [n for n in NETWORKS if curves[n].median() < stalled_rate() and not (n == "D" and won)]
    return "both" if len(still) == 2 else still[0] if still else "neither"


def _optimizer(settings: Mapping[str, Any]) -> str:
    """From the settings off their defaults."""
    common = settings.get("optimizer.name", OptimizerConfig().name)
    of_g, of_d = (settings.get(f"optimizer.{network}.name") or common for network in NETWORKS)
    return str(of_g) if of_g == of_d else f"{of_g} (G) and {of_d} (D)"


def mechanism_words(frames: Frames) -> list[str]:
    """How far a step moves each network under each optimizer, and which network starves; empty without probes.

    A sentence for each optimizer and way to starve: "Under `sgd`, both networks starve in `sgd` and `sgd-10x`: ...".
    """
    groups: dict[str, dict[str, list[RunMovement]]] = {}
    for row in movements(frames):
        groups.setdefault(row.optimizer, {}).setdefault(_starving(row), []).append(row)
    return [
        _sentence(optimizer, words, rows) for optimizer, own in groups.items() for words, rows in own.items()
    ]


def _sentence(optimizer: str, words: str, rows: Sequence[RunMovement]) -> str:
    steps, paths = [], []
    for network in NETWORKS:
        moved = [row.networks[network] for row in rows]
        steps.append(f"{NAMES[network]} by {_span([m.rate for m in moved], rate)}")
        paths.append(_span([m.path for m in moved], length))
    return (
        f"Under `{optimizer}`, {words} in {_who(rows)}: the median step moves {steps[0]} of its own length and "
        f"{steps[1]}, and all steps together come to {paths[0]} and {paths[1]} lengths."
    )


def _starving(row: RunMovement) -> str:
    words = {
        "G": "the generator alone starves",
        "D": "the discriminator alone starves",
        "both": "both networks starve",
        "neither": "neither network starves",
        "mixed": "which network starves differs between the seeds",
    }[row.starved]
    return f"{words}, while the discriminator lies still because it has won," if row.at_rest else words


def starvation_rule() -> str:
    """What it means to starve, with the threshold."""
    return (
        f"A network starves where its median step is below {rate(stalled_rate())} of its own length: at that rate it "
        f"needs {1 / stalled_rate():,.0f} steps to move by as much as it is long."
    )


def rate(value: float) -> str:
    """|update| / |weights| to two digits: 1.5e-4, 0.0031."""
    if value == 0 or value >= 1e-3:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def length(value: float) -> str:
    """A way in own lengths, to two digits: 0.044, 1.2, 350."""
    return f"{float(f'{value:.2g}'):,.10g}"


def _span(values: Sequence[float], show: Callable[[float], str]) -> str:
    low, high = show(min(values)), show(max(values))
    return low if low == high else f"{low} to {high}"


def _who(rows: Sequence[RunMovement]) -> str:
    if len(rows) > _NAMED:
        return f"{len(rows)} runs"
    names = [f"`{row.run}`" for row in rows]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
