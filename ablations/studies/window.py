"""The edge of a window: the x at which training begins, or ceases, to work.

A psychometric function with an unknown edge and an unknown width, and what binary outcomes say of both (Kontsevich &
Tyler, "Bayesian adaptive estimation of psychometric slope and threshold", 1999):

    P(worked | x) = λ + (1 - 2 λ) σ(± ln(81) (x - c) / w),   c: the edge, w: from 10% to 90%, in units of x
    prior: c uniform over the searched range, log w uniform over WIDTHS;  posterior by summing over a grid

Regression has no finite answer if the outcomes are separated, as they are at a sharp edge with any number of trainings;
the prior on the width bounds the sharpness. The estimate is the posterior's median, the interval its central part.
If x is log10 of a learning rate, say, widths are in decades.

x (N,), worked (N,) -> edge, low, high in the units of x.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit, logsumexp

Direction = Literal["rising", "falling"]
Array = npt.NDArray[np.float64]

WIDTHS = (0.02, 2.0)
"""In decades: from 5%, as if no seed moved the edge, to a factor of a hundred, which is hardly an edge."""
LAPSE = 0.01
"""Share of trainings whose outcome has nothing to do with x."""
_EDGES, _WIDTHS = 501, 21


@dataclass(frozen=True)
class Edge:
    """Where P(worked) = 1/2, in the units of x."""

    estimate: float
    low: float
    high: float
    level: float


def locate(
    x: Sequence[float],
    worked: Sequence[bool],
    *,
    direction: Direction,
    bounds: tuple[float, float],
    level: float = 0.95,
) -> Edge:
    """Estimate the edge from the x that were tried and whether each worked.

    Args:
        x: (N,) finite.
        worked: (N,).
        direction: `rising` if training works above the edge, `falling` if it works below.
        bounds: the searched range of x, within which the edge is looked for.

    Raises:
        ValueError: all outcomes are the same, so the edge may be anywhere beyond them.
    """
    positions, outcomes = np.asarray(x, dtype=np.float64), np.asarray(worked, dtype=bool)
    if outcomes.all() or not outcomes.any():
        seen = "nothing was tried" if not len(outcomes) else "all worked" if outcomes.all() else "none worked"
        raise ValueError(f"an edge is between what works and what does not, and {seen}")
    edges = np.linspace(*bounds, _EDGES)
    weights = _posterior(positions, outcomes, edges, 1 if direction == "rising" else -1)
    cumulative = np.cumsum(weights) - weights / 2
    tail = (1 - level) / 2
    low, estimate, high = (float(np.interp(q, cumulative, edges)) for q in (tail, 0.5, 1 - tail))
    return Edge(estimate, low, high, level)


def _posterior(positions: Array, outcomes: npt.NDArray[np.bool_], edges: Array, sign: int) -> Array:
    """Probability of each edge (len(edges),), the width summed out."""
    widths = np.geomspace(*WIDTHS, _WIDTHS)
    odds = sign * math.log(81) * (positions[:, None, None] - edges[:, None]) / widths
    odds = np.where(outcomes[:, None, None], odds, -odds)
    likelihood = np.logaddexp(math.log(LAPSE), math.log1p(-2 * LAPSE) + log_expit(odds)).sum(axis=0)
    marginal = logsumexp(likelihood, axis=1)
    found: Array = np.exp(marginal - logsumexp(marginal))
    return found
