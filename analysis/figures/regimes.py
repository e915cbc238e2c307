"""Which stretches of a searched number belong to which regime of a study's trainings."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import pandas as pd

from ablations.studies.record import SIDES
from analysis.frames.studies import StudyResult
from fakeface.outcomes import Regime

NEIGHBOURS = 5
"""A stretch has the regime of the majority among this many neighbours, since edges are ragged."""
AIR = 1.25
"""Factor by which the outermost stretches reach beyond the outermost trainings."""
SMALLEST = 2
"""A stretch of fewer trainings is not named."""


@dataclass(frozen=True)
class Span:
    """A stretch of the searched number in which one regime prevails."""

    regime: str
    low: float
    high: float


def spans(study: StudyResult) -> list[Span]:
    """The stretches of the axis by regime, as far as it was tried; empty without an axis or trainings.

    The window begins and ends at the located edges. Everywhere else the majority of neighbouring trainings counts, with
    borders half-way between trainings on the logarithm.
    """
    if study.axis is None:
        return []
    known = study.training_frame[study.training_frame["regime"] != Regime.UNKNOWN]
    known = known.dropna(subset=[study.axis]).sort_values(study.axis, kind="stable")
    xs, fails = known[study.axis].astype(float), known["regime"] != Regime.WORKS
    lower, upper = (study.edges[side].estimate if side in study.edges else None for side in SIDES)
    if lower is not None and upper is not None and lower >= upper:  # they contradict each other
        lower = upper = None
    start, end = lower or 0.0, upper or np.inf
    window = [Span(Regime.WORKS, start, end)]
    if lower is None or upper is None:
        window = _stretches(known[xs.between(start, end)], study.axis, lower, upper)
    below = _stretches(known[(xs < start) & fails], study.axis, None, lower)
    above = _stretches(known[(xs > end) & fails], study.axis, upper, None)
    return [*below, *window, *above]


def _stretches(known: pd.DataFrame, axis: str, low: float | None, high: float | None) -> list[Span]:
    """Runs of trainings with the same prevailing regime, from low to high; with a little air at an end that is None."""
    regimes, xs = list(known["regime"]), np.log10(known[axis].to_numpy(dtype=float))
    half = NEIGHBOURS // 2
    smooth = [_prevailing(regimes[max(0, i - half) : i + half + 1], regimes[i]) for i in range(len(regimes))]
    runs = _runs(smooth, list(range(len(smooth))))
    if len(runs) > 1:
        kept = [i for _, run in runs if len(run) >= SMALLEST for i in run]
        runs = _runs(smooth, kept)
    if not runs:
        return []
    borders = [10 ** ((xs[left[1][-1]] + xs[right[1][0]]) / 2) for left, right in pairwise(runs)]
    own = [[xs[i] for i in run if regimes[i] == regime] or [xs[i] for i in run] for regime, run in runs]
    first, last = 10 ** own[0][0] / AIR, 10 ** own[-1][-1] * AIR
    ends = [low or float(first), *map(float, borders), high or float(last)]
    return [Span(regime, ends[i], ends[i + 1]) for i, (regime, _) in enumerate(runs)]


def _runs(regimes: list[str], indices: list[int]) -> list[tuple[str, list[int]]]:
    """The indices, in runs of the same regime."""
    return [(regime, list(run)) for regime, run in groupby(indices, lambda index: regimes[index])]


def _prevailing(regimes: list[str], own: str) -> str:
    """The commonest regime; on a tie, its own."""
    counts = Counter(regimes)
    return own if counts[own] == max(counts.values()) else counts.most_common(1)[0][0]
