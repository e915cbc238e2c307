"""The edge of a window: at which x does training begin, or cease, to work?

Logistic regression of a binary outcome on x with the penalty of Firth, "Bias reduction of maximum likelihood
estimates", 1993; the interval is that of Heinze & Schemper, "A solution to the problem of separation in logistic
regression", 2002, taken for the ratio -α/β in place of a coefficient:

    P(worked | x) = σ(α + β x),   l*(α, β) = Σ log P(yᵢ | xᵢ) + ½ log |I(α, β)|,   edge c = -α / β
    interval = {c : 2 (max l* - max over β of l*(-β c, β)) <= quantile of χ²₁}

Plain maximum likelihood has no finite slope where the outcomes are separated, which is the usual case at the
edge of a window; the penalty, Jeffreys's prior, gives one. x (N,), worked (N,) -> edge in the units of x, which
for a learning rate is its log10.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import chi2

Array = npt.NDArray[np.float64]
Direction = Literal["rising", "falling"]

STRIDES = 4.0 ** np.arange(-4, 7)
"""Distances from the edge, in standard deviations of x, at which its profile is looked at; beyond the last the
profile has reached its limit."""


@dataclass(frozen=True)
class Edge:
    """Where P(worked) = 1/2, in the units of x. low or high is infinite where the data set no bound.

    slope is the change of the log odds per unit of x, negative for a falling edge; n counts what failed and what
    worked; p is that of the penalised likelihood ratio test of slope 0.
    """

    estimate: float
    low: float
    high: float
    level: float
    n: tuple[int, int]
    method: str
    p: float
    slope: float


def edge(x: npt.ArrayLike, worked: npt.ArrayLike, *, direction: Direction, level: float = 0.95) -> Edge:
    """The x at which P(worked) = 1/2, with its profile-likelihood interval.

    x (N,) finite; worked (N,) booleans. `direction` says whether training works above the edge ("rising") or
    below it ("falling"); a window has one edge of each kind, each to be fitted on its own side.

    Raises:
        ValueError: the shapes differ, x is not finite or all the same, only one outcome was seen, or what worked
            does not lie on the side that `direction` says.
    """
    positions, outcomes = _checked(x, worked)
    sign = 1.0 if direction == "rising" else -1.0
    centre, spread = float(positions.mean()), float(positions.std())
    likelihood = _Likelihood(sign * (positions - centre) / spread, outcomes)
    (intercept, slope), best = likelihood.fit()
    if slope < 1e-6:
        side = "larger" if direction == "rising" else "smaller"
        raise ValueError(f"no {direction} edge: what worked does not lie at {side} x than what failed")
    found = -intercept / slope
    cut = best - float(chi2.ppf(level, 1)) / 2
    ends = (likelihood.bound(found, -1, cut), likelihood.bound(found, 1, cut))
    low, high = sorted(sign * end * spread + centre for end in ends)
    worked_count = int(outcomes.sum())
    return Edge(
        estimate=sign * found * spread + centre,
        low=low,
        high=high,
        level=level,
        n=(len(outcomes) - worked_count, worked_count),
        method="Firth's logistic regression, profile likelihood",
        p=float(chi2.sf(2 * (best - likelihood.flat()), 1)),
        slope=sign * slope / spread,
    )


def _checked(x: npt.ArrayLike, worked: npt.ArrayLike) -> tuple[Array, Array]:
    positions, outcomes = np.asarray(x, dtype=np.float64), np.asarray(worked)
    if positions.ndim != 1 or positions.shape != outcomes.shape:
        raise ValueError(f"x and worked must be (N,) both, got {positions.shape} and {outcomes.shape}")
    if not np.isfinite(positions).all():
        raise ValueError("x must be finite: take the logarithm of positive numbers only")
    if outcomes.dtype != bool:
        raise ValueError(f"worked must be booleans, got {outcomes.dtype}")
    if len(outcomes) == 0 or outcomes.all() or not outcomes.any():
        seen = (
            "nothing was tried" if len(outcomes) == 0 else "all worked" if outcomes.all() else "none worked"
        )
        raise ValueError(
            f"an edge lies between what works and what does not, and {seen}: widen the range of x"
        )
    if np.ptp(positions) == 0:
        raise ValueError(f"all x are {positions[0]:g}: an edge needs different ones")
    return positions, outcomes.astype(np.float64)


class _Likelihood:
    """Firth's penalised log likelihood of a rising logistic curve, for x (N,) with mean 0 and deviation 1."""

    def __init__(self, x: Array, worked: Array) -> None:
        self.x, self.worked = x, worked

    def value(self, intercept: float, slope: float) -> tuple[float, Array]:
        """l*(α, β) and its gradient (2,).

        |I| = (Σw)² Var_w(x) with weights w = P (1 - P), taken in logarithms, for on a steep curve every weight
        underflows. The gradient is the score with each residual shifted by h (½ - P), h the leverage.
        """
        log_odds = intercept + slope * self.x
        worked = expit(log_odds)
        log_weights = log_expit(log_odds) + log_expit(-log_odds)
        log_total = logsumexp(log_weights)
        share = np.exp(log_weights - log_total)
        offset = self.x - share @ self.x
        variance = max(share @ offset**2, np.finfo(np.float64).tiny)
        likelihood = np.where(self.worked == 1, log_expit(log_odds), log_expit(-log_odds)).sum()
        leverage = share * (1 + offset**2 / variance)
        residual = self.worked - worked + leverage * (0.5 - worked)
        penalty = log_total + 0.5 * math.log(variance)
        return float(likelihood + penalty), np.array([residual.sum(), residual @ self.x])

    def fit(self) -> tuple[tuple[float, float], float]:
        """Intercept and slope >= 0 of the maximum, and l* there."""
        at, best = _maximum(lambda at: self.value(at[0], at[1]), np.array([0.0, 1.0]))
        return (float(at[0]), float(at[1])), best

    def profile(self, at: float) -> float:
        """l* with the edge held at x = `at` and the best slope >= 0 for it."""
        return self._along(np.array([-at, 1.0]) / math.hypot(at, 1.0))

    def flat(self) -> float:
        """l* without a slope."""
        return max(self._along(np.array([1.0, 0.0])), self._along(np.array([-1.0, 0.0])))

    def bound(self, found: float, side: int, cut: float) -> float:
        """The outermost x on one side of the edge at which the profile is at least `cut`; ±inf where it stays.

        An edge ever farther away becomes a curve without a slope that lies above, or below, 1/2.
        """
        if self._along(np.array([-side, 0.0])) >= cut:
            return side * math.inf
        places = found + side * STRIDES
        inside = [i for i, place in enumerate(places) if self.profile(place) >= cut]
        if inside and inside[-1] == len(places) - 1:
            return side * math.inf
        start, end = (places[inside[-1]], places[inside[-1] + 1]) if inside else (found, places[0])
        return float(brentq(lambda at: self.profile(at) - cut, start, end, xtol=1e-6))

    def _along(self, ray: Array) -> float:
        """The maximum of l* on the half line from (0, 0) along `ray`."""

        def value(distance: Array) -> tuple[float, Array]:
            found, gradient = self.value(*(ray * distance[0]))
            return found, np.array([gradient @ ray])

        return _maximum(value, np.ones(1))[1]


def _maximum(function: Callable[[Array], tuple[float, Array]], start: Array) -> tuple[Array, float]:
    """Where a function that gives its gradient too is largest, the last argument >= 0, and its value there."""

    def negated(at: Array) -> tuple[float, Array]:
        value, gradient = function(at)
        return -value, -gradient

    bounds = [(None, None)] * (len(start) - 1) + [(0, None)]
    options = {"ftol": 1e-13, "gtol": 1e-8}
    found = minimize(negated, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return found.x, -float(found.fun)
