"""How the training of the two networks went: balanced, won by the discriminator, or stalled.

Pure functions of the logged series; every threshold is a named constant. The measured values behind them come from
DCGANs trained on real faces at 32x32 for 400 steps: Adam at 2e-4, SGD at 2e-4 (stalled) and SGD at 1e-2 with momentum
0.9 (the discriminator won).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fakeface.declaration import UNDECLARED, Declaration
from fakeface.gan.series import ACCURACY_FAKE, ACCURACY_REAL, LOSS_D, LOSS_D_FAKE, LOSS_D_REAL, UPDATE_RATIO
from fakeface.outcomes import Dynamics

Series = tuple[Sequence[float] | npt.NDArray[np.floating], Sequence[float] | npt.NDArray[np.floating]]
"""Steps, ascending, and the value at each."""
Array = npt.NDArray[np.float64]

WON_ACCURACY = 0.98
"""Median share of images, real and fake, that D must be right about: a small loss alone may be chance."""
WON_SHARE = 0.1
"""D must stay ahead for this share of the steps, up to the end; less is a phase."""
STALLED_RATE = 5e-4
"""|update| / |weights| per step that is slow: SGD at 2e-4 gives at most 1.5e-4, Adam 2e-3 to 7e-3."""
STALLED_SHARE = 0.5
"""A network must be slow for this share of the steps, up to the end; less is the end of a schedule."""
STALLED_LENGTHS = 0.1
"""Distance, in lengths of its weights, that a slow network must move in the later half of its steps, or it has stalled:
slow steps add up if there are many. The generators of docs/components.yaml make their first pictures after 0.13 to 0.9
lengths; SGD at 2e-4 moves 0.04 in 400 steps, and 0.4 in 4,000, which close most of its gap to Adam."""
WINDOW_SHARE = 0.05
"""Length of the running medians, as a share of the steps: a spike is shorter, a phase longer."""
_UNREADABLE = "the loss `{}` does not show whether the discriminator has won"
NETWORKS = {"G": "the generator", "D": "the discriminator"}


@dataclass(frozen=True)
class DynamicsDiagnosis:
    """How a training went, since which step (None: balanced, the whole time), and why."""

    label: Dynamics
    onset: int | None
    evidence: str


def diagnose_dynamics(
    series: Mapping[str, Series], declared: Declaration = UNDECLARED, total_steps: int | None = None
) -> DynamicsDiagnosis:
    """Diagnose a training from its series, name -> (steps, values).

    Needs `Loss_D`, `accuracy_real` and `accuracy_fake` at each step, and `update_ratio_G` and `update_ratio_D`
    (|update| / |weights| of one step, over all parameters) at some steps. If two labels apply, the earlier one is
    given and the evidence names both. A discriminator that stops moving after it has won is not stalled: it
    has nothing left to learn. Penalties do not count in Loss_D here: it is the sum of `Loss_D_real` and `Loss_D_fake`
    where these are given. NaN is left out of the medians and named in the evidence.

    Args:
        declared: what the losses mean. Where it does not say at which Loss_D the discriminator has won, no training is
            labelled so.
        total_steps: the steps that the training is to take, where it is not over: a network that would move far enough
            by then, at its present rate, has not stalled.

    Raises:
        KeyError: one of those series is missing.
    """
    names = (LOSS_D, ACCURACY_REAL, ACCURACY_FAKE, *UPDATE_RATIO.values())
    arrays = {
        name: (np.asarray(series[name][0], float), np.asarray(series[name][1], float)) for name in names
    }
    if LOSS_D_REAL in series and LOSS_D_FAKE in series:
        parts = (np.asarray(series[name][1], float) for name in (LOSS_D_REAL, LOSS_D_FAKE))
        arrays[LOSS_D] = (arrays[LOSS_D][0], sum(parts, start=np.zeros(len(arrays[LOSS_D][0]))))
    note = _not_finite(series)
    first, last = arrays[LOSS_D][0][[0, -1]] if len(arrays[LOSS_D][0]) else (0.0, 0.0)
    findings = [_won(arrays, declared, first, last)]
    resting = ("G",) if findings[0] is not None else ("G", "D")
    span = (first, last, total_steps or last)
    findings += [_stalled(network, *arrays[UPDATE_RATIO[network]], *span) for network in resting]
    holding = sorted((f for f in findings if f is not None), key=lambda finding: finding.onset or 0)
    if holding:
        evidence = "; ".join(finding.evidence for finding in holding)
        return DynamicsDiagnosis(holding[0].label, holding[0].onset, evidence + note)
    return DynamicsDiagnosis(Dynamics.BALANCED, None, _balance(arrays, declared) + note)


def _won(
    arrays: Mapping[str, tuple[Array, Array]], declared: Declaration, first: float, last: float
) -> DynamicsDiagnosis | None:
    if declared.won_below is None:
        return None
    steps, loss = arrays[LOSS_D]
    smooth = {name: _running_median(arrays[name][1]) for name in (LOSS_D, ACCURACY_REAL, ACCURACY_FAKE)}
    ahead = (smooth[LOSS_D] < declared.won_below) & (smooth[ACCURACY_REAL] > WON_ACCURACY)
    onset = _holds_from(steps, ahead & (smooth[ACCURACY_FAKE] > WON_ACCURACY), first, last, WON_SHARE)
    if onset is None:
        return None
    median = np.nanmedian(loss[steps >= onset])
    evidence = (
        f"from step {onset} on, {LOSS_D} is {median:.2g} (median): the discriminator errs on hardly any image"
    )
    return DynamicsDiagnosis(Dynamics.DISCRIMINATOR_WON, onset, evidence)


def stalled_since(steps: Array, ratios: Array, first: float, last: float, total: float) -> int | None:
    """The step since which a network has stalled, from its |update| / |weights| at some steps; None if it has not.

    It has if it is slow for half of the steps first..last, up to the end, and in the later half moves less than
    `STALLED_LENGTHS`, or would if it went on to step `total` like this.
    """
    rates = _running_median(ratios)  # one large update is no movement: only some steps are probed
    onset = _holds_from(steps, rates < STALLED_RATE, first, last, STALLED_SHARE)
    return (
        onset if onset is not None and _late_distance(steps, rates, last, total) < STALLED_LENGTHS else None
    )


def _late_distance(steps: Array, rates: Array, last: float, total: float) -> float:
    """Lengths moved in the later half of `total` steps, of which `last` have been taken."""
    late = steps > last / 2
    return float(np.nanmean(rates[late]) * total / 2) if np.isfinite(rates[late]).any() else 0.0


def _stalled(
    network: str, steps: Array, ratios: Array, first: float, last: float, total: float
) -> DynamicsDiagnosis | None:
    onset = stalled_since(steps, ratios, first, last, total)
    if onset is None:
        return None
    rate = np.nanmean(ratios[steps >= onset])
    evidence = (
        f"from step {onset} on, {NETWORKS[network]} hardly moves: {rate:.1g} of its weights' length a step, "
        f"{rate * (last - onset + 1):.2g} in all"
    )
    return DynamicsDiagnosis(Dynamics.STALLED, onset, evidence)


def _holds_from(
    steps: Array, condition: npt.NDArray[np.bool_], first: float, last: float, share: float
) -> int | None:
    """The first step from which the condition holds to the end, if that is `share` of first..last or more."""
    failing = np.flatnonzero(~condition)
    start = int(failing[-1]) + 1 if len(failing) else 0
    if start >= len(steps) or last - steps[start] + 1 < share * (last - first + 1):
        return None
    return int(steps[start])


def _running_median(values: Array) -> Array:
    """Centred median over a share of the values, of what is finite there; NaN where nothing is."""
    half = max(1, round(len(values) * WINDOW_SHARE / 2))
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    return finite.rolling(2 * half + 1, center=True, min_periods=1).median().to_numpy()


def _not_finite(series: Mapping[str, Series]) -> str:
    """A note on the first value that is not finite; empty where all are."""
    found = [
        (float(np.asarray(steps)[bad[0]]), name)
        for name, (steps, values) in series.items()
        if len(bad := np.flatnonzero(~np.isfinite(np.asarray(values, float))))
    ]
    if not found:
        return ""
    step, name = min(found)
    return f"; training diverged: {name} is not finite at step {step:.0f}"


def _balance(arrays: Mapping[str, tuple[Array, Array]], declared: Declaration) -> str:
    def late(name: str) -> float:
        values = arrays[name][1]
        tail = values[len(values) // 2 :]
        finite = tail[np.isfinite(tail)]
        return float(np.median(finite)) if len(finite) else float("nan")

    return (
        f"in the later half {LOSS_D} is {late(LOSS_D):.2f} (median), the discriminator is right about "
        f"{late(ACCURACY_REAL):.0%} of real and {late(ACCURACY_FAKE):.0%} of fake images, and a step "
        f"moves the generator by {late(UPDATE_RATIO['G']):.1g} of its length, the discriminator by "
        f"{late(UPDATE_RATIO['D']):.1g}"
        + ("" if declared.won_below is not None else f"; {_UNREADABLE.format(declared.loss)}")
    )
