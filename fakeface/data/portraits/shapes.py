"""Soft shapes on pixel grids. Arrays are float32 (B, H, W); parameters broadcast as (B, 1, 1).

Only + - * / sqrt, comparisons and floor: IEEE 754 fixes their results, on every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""float32 (B, H, W), or (B, 1, 1) for one number per image."""
Colour = NDArray[Any]
"""float32 (3, B, H, W) or (3, B, 1, 1), linear light in [0, 1]."""
Scalar = float | np.float32


def clip01(x: Plane) -> Plane:
    """Clamp to [0, 1]."""
    return np.clip(x, np.float32(0), np.float32(1))


def step(low: Plane | Scalar, high: Plane | Scalar, x: Plane) -> Plane:
    """Smooth 0 -> 1 between `low` and `high` (3t² - 2t³); 1 -> 0 where `low` > `high`."""
    t = x - low
    t = t / (high - low)
    np.clip(t, np.float32(0), np.float32(1), out=t)
    smooth = 3 - 2 * t
    smooth *= t
    smooth *= t
    return smooth


def bump(x: Plane, y: Plane) -> Plane:
    """A soft hill: 1 at the origin, 0 from radius 1 outwards, (1 - r²)²."""
    hill: Plane = 1 - x * x
    hill = hill - y * y
    np.maximum(hill, 0, out=hill)
    hill *= hill
    return hill


def ridge(x: Plane) -> Plane:
    """`bump` in one dimension."""
    hill: Plane = np.maximum(1 - x * x, 0)
    hill *= hill
    return hill


def cover(distance: Plane, pixel: Plane | Scalar) -> Plane:
    """Share of a pixel of width `pixel` inside a shape, from the signed distance (negative inside)."""
    return clip01(0.5 - distance / pixel)


def wave(x: Plane) -> Plane:
    """A sine of period 1 made of parabolas, in [-1, 1]."""
    g: Plane = x - np.floor(x) - 0.5
    g *= 16 * np.abs(g) - 8
    return g


def mix(a: Plane | Scalar, b: Plane | Scalar, t: Plane) -> Plane:
    """a + t (b - a)."""
    between: Plane = a + t * (b - a)
    return between


def paint(canvas: Colour, colour: Colour | Scalar, alpha: Plane) -> None:
    """Lay `colour` over `canvas` in place, with opacity `alpha`."""
    canvas += alpha * (colour - canvas)


def box_distance(x: Plane, y: Plane, half_width: Plane, half_height: Plane, radius: Plane) -> Plane:
    """Signed distance to a rectangle with rounded corners.

    Source: Inigo Quilez, "2D distance functions" (iquilezles.org), sdRoundedBox with equal radii.
    """
    dx = np.abs(x) - half_width + radius
    dy = np.abs(y) - half_height + radius
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    distance: Plane = outside + np.minimum(np.maximum(dx, dy), 0) - radius
    return distance


def slopes(height: Plane, pixel: float) -> tuple[Plane, Plane]:
    """Central differences of a height field along x and y; zero on the border."""
    dx, dy = np.zeros_like(height), np.zeros_like(height)
    dx[:, :, 1:-1] = (height[:, :, 2:] - height[:, :, :-2]) * np.float32(0.5 / pixel)
    dy[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(0.5 / pixel)
    return dx, dy
