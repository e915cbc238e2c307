"""What a loss curve swings around at its end, and how much.

A GAN's losses do not go to zero, they find a level and swing around it, with single steps far off. So everything
here is a median, and no spike of fewer than half a window moves it:

    smooth_t     = median of the values in a window of w points, 5% of the series, around t, cut off at the ends
    level        = median of the values in the last 20% of the steps (the tail)
    oscillation  = 1.4826 · median |value - smooth| over the tail: a standard deviation, were it normal (Hampel,
                   "The influence curve and its role in robust estimation", 1974)

A level is no sign of convergence: the losses of two networks that learn from each other say how well one does against
the other. How good the pictures are is a matter of scores.
Steps (n,), values (n,) -> numbers in the units of the values.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Array = npt.NDArray[np.float64]

MIN_POINTS = 20
"""Fewer leave fewer than 4 in the tail, which is no level."""
TAIL = 0.2
WINDOW = 0.05
NORMAL_MAD = 1.4826
"""Standard deviation of a normal law over its median absolute deviation."""


@dataclass(frozen=True)
class Level:
    """Both are +inf where most values of the tail are."""

    level: float
    oscillation: float


def level_of(steps: npt.ArrayLike, values: npt.ArrayLike) -> Level:
    """Level and oscillation of a series, as defined above.

    steps (n,) rising, values (n,), n >= 20. Infinite values count as far off; NaN is refused, for what a training
    gave after NaN is no curve: cut the series there, or give +inf.

    Raises:
        ValueError: too few points, shapes that differ, steps that do not rise, or NaN.
    """
    times, curve = _checked(steps, values)
    tail = times > times[-1] - TAIL * (times[-1] - times[0])
    level = float(np.median(curve[tail]))
    if not math.isfinite(level):
        return Level(level, math.inf)
    return Level(level, _spread(curve[tail], smoothed(curve)[tail]))


def smoothed(values: Array) -> Array:
    """Running median (n,) over a window of 5% of the series, at least 3 points, cut off at the ends."""
    half = max(1, round(WINDOW * len(values) / 2))
    middle = scipy.ndimage.median_filter(values, size=2 * half + 1, mode="nearest")
    for i in range(half):
        middle[i] = np.median(values[: i + half + 1])
        middle[-1 - i] = np.median(values[-1 - i - half :])
    return np.asarray(middle)


def _spread(values: Array, around: Array) -> float:
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
