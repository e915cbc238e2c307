"""What a loss curve settles to, when, and how much it keeps swinging.

A GAN's losses do not go to zero, they find a level and swing around it, with single steps far off. So everything
here is a median, and no spike of fewer than half a window moves it:

    smooth_t     = median of the values in a window of w points, 5% of the series, around t, cut off at the ends
    level        = median of the values in the last 20% of the steps (the tail)
    initial gap  = |median of the first 5 values - level|
    oscillation  = 1.4826 · median |value - smooth| over the tail: a standard deviation, were it normal (Hampel,
                   "The influence curve and its role in robust estimation", 1974)
    noise        = the larger of 1.2533 · oscillation / √w, the standard error of a median of w normal values, and
                   1.4826 · median |smooth - level| over the tail, for where neighbours in time are alike
    tolerance    = the larger of 5% of the initial gap and 3 · noise
    settled at   = the first step from which smooth stays within tolerance of level to the end

Without the noise in the tolerance, a curve that hardly had a gap would settle where chance has it.
Steps (n,), values (n,) -> numbers in the units of the values and in steps.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

Array = npt.NDArray[np.float64]

MIN_POINTS = 20
"""Fewer leave fewer than 4 in the tail, which is no level."""
TAIL = 0.2
WINDOW = 0.05
INITIAL_POINTS = 5
CLOSE = 0.05
NOISE_WIDTHS = 3.0
NORMAL_MAD = 1.4826
"""Standard deviation of a normal law over its median absolute deviation."""
MEDIAN_ERROR = 1.2533
"""Standard error of the median of many normal values over that of their mean."""


@dataclass(frozen=True)
class Convergence:
    """Where a curve settled. `settled_at` is a step, or +inf where the curve still drifts at its end.

    level and oscillation are +inf where most values of their part of the curve are.
    """

    level: float
    settled_at: float
    oscillation: float


def convergence(steps: npt.ArrayLike, values: npt.ArrayLike) -> Convergence:
    """Level, time to settle and oscillation of a series, as defined above.

    steps (n,) rising, values (n,), n >= 20. Infinite values count as far off; NaN is refused, for what a training
    gave after NaN is no curve: cut the series there, or give +inf.

    Raises:
        ValueError: too few points, shapes that differ, steps that do not rise, or NaN.
    """
    times, curve = _checked(steps, values)
    tail = times > times[-1] - TAIL * (times[-1] - times[0])
    level, initial = float(np.median(curve[tail])), float(np.median(curve[:INITIAL_POINTS]))
    if not math.isfinite(level):
        return Convergence(level, math.inf, math.inf)
    smooth = smoothed(curve)
    gap = abs(initial - level) if math.isfinite(initial) else 0.0
    oscillation = _spread(curve[tail], smooth[tail])
    noise = max(
        MEDIAN_ERROR * oscillation / math.sqrt(2 * _half_window(curve) + 1), _spread(smooth[tail], level)
    )
    outside = np.flatnonzero(np.abs(smooth - level) > max(CLOSE * gap, NOISE_WIDTHS * noise))
    first = int(outside[-1]) + 1 if len(outside) else 0
    settled_at = float(times[first]) if first < len(times) else math.inf
    return Convergence(level, settled_at, oscillation)


def smoothed(values: Array) -> Array:
    """Running median (n,) over a window of 5% of the series, at least 3 points, cut off at the ends."""
    half = _half_window(values)
    middle = median_filter(values, size=2 * half + 1, mode="nearest")
    for i in range(half):
        middle[i] = np.median(values[: i + half + 1])
        middle[-1 - i] = np.median(values[-1 - i - half :])
    return np.asarray(middle)


def _half_window(values: Array) -> int:
    return max(1, round(WINDOW * len(values) / 2))


def _spread(values: Array, around: Array | float) -> float:
    """A robust standard deviation; an infinite value is infinitely far from everything."""
    with np.errstate(invalid="ignore"):
        distance = np.abs(values - around)
    return NORMAL_MAD * float(np.median(np.where(np.isnan(distance), math.inf, distance)))


def _checked(steps: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Array, Array]:
    times, curve = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if times.ndim != 1 or times.shape != curve.shape:
        raise ValueError(f"steps and values must be (n,) both, got {times.shape} and {curve.shape}")
    if len(times) < MIN_POINTS:
        raise ValueError(f"{len(times)} points: a level needs at least {MIN_POINTS}")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError("steps must rise")
    if np.isnan(curve).any():
        raise ValueError("NaN among the values: cut the series where it begins, or give +inf")
    return times, curve
