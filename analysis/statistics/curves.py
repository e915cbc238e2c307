"""What a curve says by a step, from nothing that comes later: a run that is cut short after it says the same.

    trailing median   of the last w values, where there are so many
    crossing          the first step at which a curve is beyond a threshold, by a straight line from the point before
    mean along a run  the mean over the logarithm of the step, by trapezoids, of the values or of their logarithms: the
                      height of the level line that has the same area below it on these axes

A generator changes fastest in its early steps. Over linear steps half of the mean comes from the last half of the
training, where little changes, so that it says little more than the last value.

Steps (n,) rising, values (n,) -> numbers in steps or in the units of the values. Infinite values count as far off.
"""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

FEWEST_ALONG = 3
"""Scores along a run, the one before its first step included, that have a mean."""


def trailing_median(values: Array, window: int) -> Array:
    """The median of each value and the `window` - 1 before it, (n - window + 1,); empty where n < window."""
    if len(values) < window:
        return np.empty(0)
    return np.median(np.lib.stride_tricks.sliding_window_view(values, window), axis=-1)


def crossing(steps: Array, values: Array, threshold: float, *, below: bool) -> float:
    """The first step at which the values are at or beyond a threshold; +inf if they never are.

    Between two points the curve is a straight line, unless one of them is infinite. A value that is infinite on the
    side in question is a divergence and reaches nothing.
    """
    there = (values <= threshold if below else values >= threshold) & np.isfinite(values)
    if not there.any():
        return math.inf
    first = int(np.argmax(there))
    if first == 0 or not math.isfinite(values[first - 1]):
        return float(steps[first])
    share = (values[first - 1] - threshold) / (values[first - 1] - values[first])
    return float(steps[first - 1] + share * (steps[first] - steps[first - 1]))


def mean_along(steps: Array, values: Array, *, log: bool) -> float:
    """The mean along a run, over the steps after 0, of which there must be `FEWEST_ALONG` - 1.

    Args:
        log: take the mean of the logarithms of positive values, which spread by factors; 0 where a value is 0.
    """
    after = steps > 0
    times = np.log(steps[after])
    with np.errstate(divide="ignore"):
        heights = np.log(values[after]) if log else values[after]
    mean = float(np.trapezoid(heights, times) / (times[-1] - times[0]))
    return math.exp(mean) if log else mean
