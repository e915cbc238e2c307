"""Compose the layers of a portrait, back to front, and develop the picture."""

import numpy as np
from numpy.typing import NDArray

from fakeface.data.portraits import head as faces
from fakeface.data.portraits import scene
from fakeface.data.portraits.draws import draw_people
from fakeface.data.portraits.people import People
from fakeface.data.portraits.shapes import Colour, Plane, clip01, cover, paint, step

BATCH = 16
"""Images drawn together: planes of 16 x 64 x 64 float32 stay in a core's cache."""
FINEST = 64
"""Smaller pictures are drawn twice as large and averaged down, in linear light."""


def render(start: int, stop: int, size: int) -> NDArray[np.uint8]:
    """Portraits `start` to `stop`, (stop - start, size, size, 3) uint8 sRGB-like."""
    batches = [_batch(range(i, min(i + BATCH, stop)), size) for i in range(start, stop, BATCH)]
    return np.concatenate(batches)


def _batch(indices: range, size: int) -> NDArray[np.uint8]:
    double = size < FINEST
    canvas = _draw(2 * size if double else size, draw_people(indices))
    if double:
        rows = canvas[:, :, ::2] + canvas[:, :, 1::2]
        canvas = (rows[:, :, :, ::2] + rows[:, :, :, 1::2]) * np.float32(0.25)
    return np.moveaxis((np.sqrt(canvas) * 255 + 0.5).astype(np.uint8), 0, -1)


def _draw(side: int, people: People) -> Colour:
    """Linear light in [0, 1], (3, B, side, side)."""
    g = faces.ground(side, people.pose, people.head)
    fine = g.pixel / people.pose.scale
    hair = scene.hair_shape(g, people)
    canvas = scene.backdrop(g, side, people)
    paint(canvas, hair.colour * 0.4, hair.hanging)
    scene.body(canvas, g, people)
    # Long hair falls before the shoulders, beside the neck.
    beside = step(0.5, 0.75, np.abs(g.x) / people.head.width) * step(0, 0.1, g.y)
    paint(canvas, hair.colour * 0.8, hair.hanging * beside)
    scene.ears(canvas, g, people)
    near, here = g.window(g.r < 1.1)
    face = _lit_face(near, people, hair.shade[here])
    paint(canvas[:, *here], face, cover((near.r - 1) * people.head.width, fine * 1.2))
    paint(canvas, hair.colour, hair.cap)
    return _develop(canvas, people)


def _lit_face(g: faces.Ground, people: People, hair_shade: Plane) -> Colour:
    extras = people.extras
    lx, ly, lz = extras.light
    height, nose = faces.relief(g, people)
    nx, ny, nz = faces.normals(g, people, height)
    facing = nx * lx + ny * ly + nz * lz
    lit = np.maximum(facing, 0) * faces.shadows(g, people, nose) * (1 - 0.6 * hair_shade)
    sky = (0.72 - 0.28 * ny) * faces.hollows(g, people) * (1 - 0.45 * hair_shade)
    skin, glint = faces.paint_face(g, people)
    half = np.maximum((nx * lx + ny * ly + nz * (lz + 1)) / np.sqrt(2 + 2 * lz), 0)
    shine = half * half
    shine *= shine
    shine *= shine
    shine *= shine * np.float32(0.10) * lit
    soft = np.maximum(facing + 0.25, 0) / 1.25 - np.maximum(
        facing, 0
    )  # light that bleeds past the terminator
    for c, (warm, bleed) in enumerate(((1.0, 0.3), (0.0, 0.1), (-1.0, 0.05))):
        key = extras.key * (1 + np.float32(warm) * extras.warmth)
        fill = extras.fill * (1 - np.float32(0.5 * warm) * extras.warmth)
        skin[c] *= key * (lit + np.float32(bleed) * soft) + fill * sky
        skin[c] += shine * key
    paint(skin, np.float32(0.95), glint)
    faces.glasses(skin, g, people, lit)
    return skin


def _develop(canvas: Colour, people: People) -> Colour:
    """Tint by the light's warmth and roll the highlights off, in [0, 1]."""
    warmth = people.extras.warmth
    for c, warm in enumerate((0.35, 0.0, -0.35)):
        canvas[c] *= 1 + np.float32(warm) * warmth
    canvas = np.maximum(canvas, 0)
    return clip01(canvas * 1.18 / (canvas * 0.25 + 0.97))
