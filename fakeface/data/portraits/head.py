"""The face itself: a turned ellipsoid with a relief, its painted features, and how light falls on both."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakeface.data.portraits.people import Eyes, Head, Mouth, People, Pose
from fakeface.data.portraits.shapes import (
    Colour,
    Plane,
    box_distance,
    bump,
    clip01,
    cover,
    mix,
    paint,
    ridge,
    slopes,
    step,
    wave,
)

DEPTH = np.float32(0.62)
"""Half-depth of the head in half-frames."""


@dataclass(frozen=True)
class Ground:
    """Coordinates of every pixel.

    x, y: half-frames from the head's centre, upright, y down. p, q: the same in head units, jaw straightened.
    r: 1 on the outline. u, v: on the face itself, turned with it, the nose at u = 0. pixel: its width.
    """

    x: Plane
    y: Plane
    p: Plane
    q: Plane
    r: Plane
    z: Plane
    u: Plane
    v: Plane
    pixel: float
    pixel_v: Plane

    def window(self, mask: NDArray[Any]) -> tuple["Ground", tuple[slice, slice, slice]]:
        """The part of the frame around `mask` (B, H, W), and its slices."""
        here = (slice(None), _extent(mask, (0, 2)), _extent(mask, (0, 1)))
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        cut: dict[str, Any] = {
            name: p[here] if isinstance(p, np.ndarray) and p.size > p.shape[0] else p
            for name, p in parts.items()
        }
        return Ground(**cut), here


def _extent(mask: NDArray[Any], others: tuple[int, int]) -> slice:
    where = np.flatnonzero(mask.any(axis=others))
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)


def ground(side: int, pose: Pose, head: Head) -> Ground:
    """Undo the pose for a frame of `side` pixels."""
    pixel = 2 / side
    axis = ((np.arange(side) + 0.5) * pixel - 1).astype(np.float32)
    left, down = axis[None, None, :] - pose.x, axis[None, :, None] - pose.y
    (sine, cosine), scale = pose.roll, pose.scale
    x, y = (left * cosine + down * sine) / scale, (down * cosine - left * sine) / scale
    q = y / head.height
    low = np.maximum(q, 0)
    p = x / (head.width * (1 - head.jaw * low * low))
    pp, qq = p * p, q * q
    circle = pp + qq
    r = np.sqrt(mix(circle, np.sqrt(pp * pp + qq * qq), head.square * step(-0.1, 0.5, q)))
    z = np.sqrt(np.maximum(1 - r * r, 0))
    (yaw_s, yaw_c), (nod_s, nod_c) = pose.yaw, pose.nod
    u = p * yaw_c - z * yaw_s
    v = q * nod_c - (p * yaw_s + z * yaw_c) * nod_s
    fine = np.float32(pixel) / scale
    return Ground(x, y, p, q, r, z, u, v, pixel, fine / head.height)


def _nose(g: Ground, pose: Pose, mouth: Mouth, du: Plane | float = 0, dv: Plane | float = 0) -> Plane:
    """Height of the nose, (B, H, W); shifted by (du, dv) it is its own shadow."""
    down = (g.v + 0.14 - dv) / (mouth.nose_length + 0.14)  # 0 at the root, 1 at the base
    u = g.u - du - 0.16 * pose.yaw[0] * clip01(down)
    width = mouth.nose_width
    bridge = (
        ridge(u / (0.12 + 0.06 * width * clip01(down))) * step(-0.25, 0.55, down) * step(1.14, 0.86, down)
    )
    tip = bump(u / (0.15 * width), (down - 0.84) / 0.3)
    wings = bump((np.abs(u) - 0.125 * width) / (0.09 * width), (down - 0.93) / 0.2)
    height: Plane = 0.13 * mouth.nose_bridge * bridge * (0.35 + clip01(down)) + 0.11 * tip + 0.06 * wings
    height *= mouth.nose_height
    return height


def relief(g: Ground, people: People) -> tuple[Plane, Plane]:
    """Height of the features above the ellipsoid, and of the nose alone, in head units (B, H, W)."""
    head, eyes, mouth = people.head, people.eyes, people.mouth
    a, u, v = np.abs(g.u), g.u, g.v
    nose = _nose(g, people.pose, mouth)
    height = nose - 0.10 * bump((a - eyes.spacing) / 0.27, (v - eyes.y) / 0.17)
    height += 0.05 * bump((a - eyes.spacing) / 0.22, (v - eyes.y) / 0.1)
    height += 0.045 * bump((a - 0.32) / 0.34, (v - eyes.brow_y) / 0.13)
    height += 0.08 * head.cheeks * bump((a - 0.5) / 0.34, (v - 0.24) / 0.3)
    height += 0.05 * bump(u / 0.46, (v - mouth.y) / 0.28)
    height += 0.03 * bump(u / mouth.width, (v - mouth.y + 0.04) / 0.07)
    height += 0.045 * bump(u / mouth.width, (v - mouth.y - 0.07 - mouth.gap) / 0.08)
    height -= 0.045 * bump(u / 0.26, (v - mouth.y - 0.20) / 0.09)
    height += 0.09 * head.chin * bump(u / 0.32, (v - 0.86) / 0.2)
    fold = a - (0.17 + 0.9 * (v - 0.24) * (0.45 + 0.12 * mouth.smile))
    height -= (0.018 + 0.035 * head.age) * (0.4 + clip01(mouth.smile)) * bump(fold / 0.07, (v - 0.42) / 0.2)
    return height, nose


def normals(g: Ground, people: People, height: Plane) -> tuple[Plane, Plane, Plane]:
    """Unit normals of the head, y down and z to the viewer, each (B, H, W)."""
    head = people.head
    dx, dy = slopes(height, g.pixel)
    inside = g.r < 1
    nx = g.p / head.width - 1.1 * dx * inside
    ny = g.q / head.height - 1.1 * dy * inside
    nz = (g.z + 0.12) / DEPTH
    size = 1 / np.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * size, ny * size, nz * size


def _eyes(skin: Colour, g: Ground, people: People) -> Plane:
    """Paint both eyes; returns the opacity of their catchlights, (B, H, W)."""
    eyes, light = people.eyes, people.extras.light
    side = np.where(g.u < 0, np.float32(-1), np.float32(1))
    along = (np.abs(g.u) - eyes.spacing) / eyes.width  # -1 at the nose, 1 at the temple
    y = g.v - eyes.y + eyes.slant * along
    arc = 1 - along * along
    pixel = g.pixel_v * 1.2
    upper = y + eyes.upper * arc
    lower = eyes.lower * arc - y
    opening = cover(-np.minimum(upper, lower), pixel) * (arc > 0)
    shadow = people.head.makeup
    lid = bump(along / 1.25, (y + eyes.upper * 1.25) / 0.12)
    paint(skin, skin * (1 - 0.35 * shadow) * (0.82 - 0.1 * shadow), 0.7 * lid)
    white = np.float32(0.6) * (0.62 + 0.38 * step(0, 0.07, upper))
    paint(skin, white, opening)
    x = (along * side * eyes.width - eyes.look) * people.head.width
    y = (y + 0.012) * people.head.height
    radius = np.sqrt(x * x + y * y)
    iris = 0.14 * people.head.width
    fine = g.pixel / people.pose.scale
    rim = 0.35 + 0.65 * step(iris, iris * 0.62, radius)
    paint(skin, eyes.iris * rim * (0.75 + 0.5 * step(-iris, iris, y)), opening * cover(radius - iris, fine))
    paint(skin, np.float32(0.006), opening * cover(radius - iris * 0.46, fine))
    lash = cover(np.abs(upper) - 0.017 * eyes.lashes, pixel) * step(1.15, 0.9, np.abs(along))
    paint(skin, np.float32(0.012), lash * (0.5 + 0.5 * eyes.lashes))
    paint(skin, skin * 0.55, 0.55 * cover(np.abs(lower) - 0.008, pixel) * (arc > 0))
    glint: Plane = cover(np.sqrt((x - light[0] * 0.035) ** 2 + (y - light[1] * 0.05) ** 2) - 0.013, fine)
    glint *= opening
    return glint


def _brows(skin: Colour, g: Ground, eyes: Eyes, hair: Colour) -> None:
    along = (np.abs(g.u) - eyes.spacing + 0.01) / (eyes.width * 1.3)
    line = g.v - eyes.brow_y + eyes.brow_arch * (1 - along * along) - eyes.brow_tilt * along
    weight = eyes.brow_weight * (1.15 - 0.55 * along)
    mask = cover(np.abs(line) - weight, g.pixel_v * 2) * step(1.1, 0.8, np.abs(along))
    paint(skin, hair * 0.55 + skin * 0.06, 0.85 * mask)


def _mouth(skin: Colour, g: Ground, mouth: Mouth) -> None:
    t = g.u / mouth.width
    tt = t * t
    arc = np.maximum(1 - tt, 0)
    line = g.v - mouth.y + 0.075 * mouth.smile * (tt - 0.35)
    pixel = g.pixel_v * 1.2
    inside = tt < 1.05
    bow = 1 - 0.3 * ridge(t / 0.25)
    open_by = mouth.gap * arc
    upper = cover(np.maximum(-line - mouth.upper * arc * bow, line - 0.4 * open_by), pixel) * inside
    lower = cover(np.maximum(line - open_by - mouth.lower * np.sqrt(arc) * arc, -line), pixel) * inside
    paint(skin, mouth.lips * 0.85, 0.9 * upper)
    paint(skin, mouth.lips * 1.12, 0.85 * lower)
    hollow = cover(np.maximum(line - open_by, -line), pixel) * inside * step(0.008, 0.03, mouth.gap)
    paint(skin, np.array([0.09, 0.012, 0.012], dtype=np.float32)[:, None, None, None], hollow)
    teeth = cover(np.maximum(line - 0.72 * open_by, -line), pixel) * hollow * step(0.92, 0.6, np.abs(t))
    paint(skin, np.array([0.74, 0.70, 0.64], dtype=np.float32)[:, None, None, None], teeth)
    crease = cover(np.abs(line) - 0.008, pixel) * step(1.12, 0.85, np.abs(t)) * (1 - 0.8 * hollow)
    paint(skin, mouth.lips * 0.18, 0.75 * crease)


def _beard(skin: Colour, g: Ground, mouth: Mouth, hair: Colour, grain: Plane) -> None:
    a = np.abs(g.u)
    edge = mouth.y + 0.17 + mouth.gap - (0.62 * step(0.42, 0.88, a) - 0.02) * mouth.cheek_beard
    full = step(-0.07, 0.07, g.v - edge) * mix(step(0.42, 0.3, a), np.float32(1), mouth.cheek_beard)
    ring = step(0.09, 0.02, np.abs(a - mouth.width - 0.06)) * step(0, 0.08, g.v - mouth.y + 0.12)
    full = np.maximum(full, ring * step(0.35, 0.2, g.v - mouth.y))
    under_nose = g.v - mouth.y + 0.075 * mouth.smile * ((a / mouth.width) ** 2 - 0.35)
    lip = ridge((under_nose + mouth.upper + 0.065) / 0.085) * step(mouth.width + 0.1, mouth.width - 0.06, a)
    alpha = np.maximum(mouth.beard * full, mouth.moustache * clip01(1.6 * lip))
    paint(skin, hair * (0.7 + 0.2 * grain), alpha)


def paint_face(g: Ground, people: People) -> tuple[Colour, Plane]:
    """Unlit colours of the face (3, B, H, W), and the opacity of the catchlights (B, H, W)."""
    head, eyes, mouth = people.head, people.eyes, people.mouth
    a, u, v = np.abs(g.u), g.u, g.v
    grain = wave(7.3 * u + 3.9 * v) * wave(8.1 * v - 4.7 * u)
    red = bump((a - 0.5) / 0.36, (v - 0.22) / 0.26) + 0.8 * bump(
        u / 0.2, (v - mouth.nose_length + 0.05) / 0.16
    )
    red *= 0.10 + 0.22 * head.flush
    skin = np.empty((3, *u.shape), dtype=np.float32)
    for c, tint in enumerate((0.02, -0.75, -0.6)):
        skin[c] = head.skin[c] * (1 + np.float32(tint) * red)
    paint(
        skin,
        skin * 0.72,
        0.5 * head.freckles * step(0.35, 0.8, grain) * bump((a - 0.35) / 0.5, (v - 0.15) / 0.3),
    )
    bags = bump((a - eyes.spacing) / 0.2, (v - eyes.y - 0.15) / 0.07)
    lines = ridge((v + 0.42) / 0.025) + ridge((v + 0.52) / 0.025)
    paint(skin, skin * 0.66, head.age * (0.55 * bags + 0.22 * lines * step(0.5, 0.3, a)))
    _beard(skin, g, mouth, people.hair.colour, grain)
    nostril = bump((a - 0.075 * mouth.nose_width) / 0.06, (v - mouth.nose_length - 0.015) / 0.04)
    paint(skin, skin * 0.15, 0.85 * clip01(1.6 * nostril))
    near, here = g.window((g.r < 1.05) & (np.abs(v - mouth.y - 0.06) < 0.3))
    _mouth(skin[:, *here], near, mouth)
    glint = np.zeros_like(u)
    near, here = g.window((g.r < 1.05) & (np.abs(v + 0.12) < 0.3))
    glint[here] = _eyes(skin[:, *here], near, people)
    _brows(skin[:, *here], near, eyes, people.hair.colour)
    return skin, glint


def shadows(g: Ground, people: People, nose: Plane) -> Plane:
    """Share of the key light that the relief lets through, (B, H, W) in [0, 1]."""
    light = people.extras.light
    cast = _nose(g, people.pose, people.mouth, du=-0.22 * light[0], dv=0.12 - 0.16 * light[1])
    under = clip01((cast - 1.1 * nose) * 9)
    far = step(0.9, 0.1, g.p * light[0] + 1.0)  # the cheek that the light does not reach
    return (1 - 0.55 * under) * (1 - 0.3 * far)


def hollows(g: Ground, people: People) -> Plane:
    """Share of the sky light that reaches each point (ambient occlusion), (B, H, W) in [0, 1]."""
    eyes, mouth = people.eyes, people.mouth
    a = np.abs(g.u)
    dark = 0.38 * bump((a - eyes.spacing + 0.08) / 0.26, (g.v - eyes.y + 0.04) / 0.16)
    dark += 0.4 * bump(g.u / 0.24, (g.v - mouth.nose_length - 0.07) / 0.1)
    dark += 0.3 * bump(g.u / 0.28, (g.v - mouth.y - 0.19) / 0.09)
    dark += 0.4 * step(0.72, 1.02, g.r)
    return clip01(1 - dark)


def glasses(canvas: Colour, g: Ground, people: People, lit: Plane) -> None:
    """Frames and lenses over a finished face, in place."""
    extras, eyes = people.extras, people.eyes
    half_width, half_height, roundness = extras.lens
    side = np.abs(g.u) - eyes.spacing - 0.01
    y = g.v - eyes.y - 0.02
    radius = roundness * np.minimum(half_width * people.head.width, half_height * people.head.height)
    d = box_distance(
        side * people.head.width,
        y * people.head.height,
        half_width * people.head.width,
        half_height * people.head.height,
        radius,
    )
    fine = g.pixel / people.pose.scale
    on = extras.glasses * (g.r < 1.02)
    glare = step(0.0, 0.1, side + 0.6 * y) * step(0.22, 0.12, side + 0.6 * y)
    paint(canvas, extras.rim * 0.25, on * extras.shade * cover(d, fine))
    paint(
        canvas, np.float32(0.9), on * 0.22 * glare * cover(d, fine) * step(-0.8, 0.4, people.extras.light[2])
    )
    rim = cover(np.abs(d) - extras.rim_weight * 0.5, fine)
    bridge = cover(np.abs(y + 0.05 - 0.5 * side * side) - 0.02, g.pixel_v) * (
        np.abs(g.u) < eyes.spacing - half_width + 0.02
    )
    arms = cover(np.abs(y + 0.04) - 0.022, g.pixel_v) * step(0, 0.02, side - half_width)
    paint(canvas, extras.rim * (0.3 + 0.7 * lit), on * np.maximum(rim, np.maximum(bridge, arms)))
