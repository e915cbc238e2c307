"""Everything around the face: hair, ears, neck, clothes and background."""

from dataclasses import dataclass

import numpy as np

from fakeface.data.portraits.head import Ground
from fakeface.data.portraits.people import People
from fakeface.data.portraits.shapes import Colour, Plane, bump, clip01, cover, mix, paint, ridge, step, wave


@dataclass(frozen=True)
class HairShape:
    """Opacity of the hair on the skull and of what hangs, its shade on the skin, its lit colour."""

    cap: Plane
    hanging: Plane
    shade: Plane
    colour: Colour


def backdrop(g: Ground, side: int, people: People) -> Colour:
    """A wall with a gradient and one out-of-focus spot, (3, B, H, W)."""
    extras = people.extras
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * np.float32(2 / side)) - 1
    x, y = axis[None, None, :], axis[None, :, None]
    turn = extras.wall_turn
    across = clip01(0.5 + 0.4 * (x * turn + y * (1 - np.abs(turn))))
    canvas: Colour = extras.wall[0] + across * (extras.wall[1] - extras.wall[0])
    sx, sy, size = extras.spots
    paint(
        canvas,
        extras.wall[1] * 0.5 + 0.25,
        0.6 * step(size, size * 0.6, np.sqrt((x - sx) ** 2 + (y - sy) ** 2)),
    )
    halo = bump(g.x / 1.5, g.y / 1.5)
    canvas *= 0.8 + 0.25 * halo
    return canvas


def _roughness(g: Ground, people: People) -> Plane:
    """Locks and curls as a displacement of the hair's outline, half-frames (B, H, W)."""
    hair = people.hair
    k, t = hair.pitch, hair.phase
    bend = 0.22 * wave(1.3 * g.y + 1.1 * g.x + 3 * t)
    curls = wave(2.7 * k * g.x + 1.9 * g.y + t + bend) * wave(2.4 * k * g.y - 1.5 * g.x + 2 * t - 1.3 * bend)
    curls = 0.7 * curls + 0.5 * wave(4.3 * k * g.x - 2.6 * g.y + bend) * wave(3.9 * g.y * k + 2.2 * g.x - t)
    locks = wave(2.3 * g.y * k + 0.8 * g.x + t)
    return mix(0.018 * locks, 0.045 * curls, hair.curl)


def hair_shape(g: Ground, people: People) -> HairShape:
    """Where the hair is, and how it looks in the light."""
    hair, head, light = people.hair, people.head, people.extras.light
    fine = g.pixel / people.pose.scale
    rough = _roughness(g, people)
    width, height = head.width + hair.side, head.height + hair.top
    top = np.minimum(g.y, 0)
    flat = g.x / width
    # Above the ears an ellipse round the skull; below them the sides hang straight, or close in again.
    drop = np.maximum(g.y - 0.05, 0)
    closing = mix(1.0, 0.25, hair.flow)
    low = drop / np.maximum(hair.length * head.height, 0.3) * closing
    outer = np.sqrt(
        flat * flat + (top / height) ** 2 + np.where(hair.length > 0, low * low, (drop / height) ** 2)
    )
    inside = (outer - 1) * np.minimum(width, height) + rough
    away = g.u - hair.part
    line = hair.line + 0.22 * g.u * g.u + hair.sweep * away * 0.5 - 0.05 * ridge(away / 0.14)
    ragged = wave(2.6 * g.u * hair.pitch + hair.phase) * (0.02 + 0.05 * hair.fringe) + rough * 0.6
    burns = step(0.70, 0.93, np.abs(g.u))
    line = mix(line, np.maximum(hair.burns, line), burns) + ragged
    below = g.v - line
    outline = cover(inside, fine * 1.3) * hair.amount
    cap = outline * cover(below * head.height, fine * 2)
    end = hair.length * head.height + 0.5 * rough
    hanging = outline * cover(g.y - end, fine * 3) * (hair.length > 0)
    knot = np.sqrt(g.x**2 + (g.y + head.height + hair.top + 0.4 * hair.bun) ** 2) - hair.bun + rough
    cap = np.maximum(cap, cover(knot, fine * 1.5) * (hair.bun > 0))
    reach = line + 0.1 + 0.10 * np.abs(light[0])
    shade = hair.amount * step(0.10, -0.08, g.v - reach) * (0.5 + 0.5 * hair.fringe)
    return HairShape(cap, hanging, shade, _hair_colour(g, people, outer, rough))


def _hair_colour(g: Ground, people: People, outer: Plane, rough: Plane) -> Colour:
    hair, extras = people.hair, people.extras
    z = np.sqrt(np.maximum(1.08 - outer * outer, 0.04))
    lx, ly, lz = extras.light
    nx, ny = g.x / (people.head.width + hair.side), np.minimum(g.y, 0.25) / people.head.height
    size = 1 / np.sqrt(nx * nx + ny * ny + z * z)
    towards = np.maximum((nx * lx + ny * ly + z * lz) * size + 0.25, 0) / 1.25
    spread = (g.u - hair.part * step(0.4, -0.6, g.q)) / (1.1 + 0.5 * np.maximum(g.q, 0) - 0.35 * ny)
    k = hair.pitch
    spread += 0.05 * wave(0.9 * g.q + 0.7 * g.u + hair.phase)
    strands = 0.4 * wave(4.3 * k * spread + hair.phase + 0.3 * g.q) + 0.35 * wave(
        7.9 * k * spread - 0.5 * g.q
    )
    strands += 0.25 * wave(13.7 * k * spread + 0.4 * g.q)
    strands = mix(strands, clip01(rough * 26 + 0.5) * 2 - 1, hair.curl)
    band = ridge((ny + 0.55 - 0.35 * nx * lx + 0.06 * strands) / 0.34) * (0.55 + 0.45 * strands)
    lit = (0.30 * extras.fill + 0.12 + 0.85 * extras.key * towards) * (1 + 0.25 * strands)
    shine = (0.10 * hair.gloss * band * np.maximum(lz, 0.2))[None]
    colour: Colour = hair.colour * lit + shine * (0.5 + 0.5 * hair.colour) * extras.key
    return colour


def _column(g: Ground, people: People) -> tuple[Plane, Plane]:
    """Half-frames outside the neck (negative inside), and the x of a point across it in [-1, 1]."""
    half = people.head.width * (0.56 + 0.1 * people.head.square)
    flare = half + 0.35 * step(0.62, 1.05, g.y) ** 2
    return np.abs(g.x) - flare, g.x / flare


def body(canvas: Colour, g: Ground, people: People) -> None:
    """Neck and clothes over the background, in place."""
    extras, head = people.extras, people.head
    lx, _, lz = extras.light
    outside, across = _column(g, people)
    fine = g.pixel / people.pose.scale
    round_z = np.sqrt(np.maximum(1 - across * across, 0.02))
    lit = extras.fill + 0.75 * extras.key * np.maximum(across * lx + round_z * lz, 0)
    under = step(1.42, 1.0, g.r)
    paint(canvas, head.skin * lit * (1 - 0.62 * under), cover(outside, fine) * step(0.1, 0.2, g.y))

    wide = np.abs(g.x)
    shoulder = 0.80 + extras.shoulders + 0.22 * wide * wide
    opening = np.where(extras.neckline > 0.4, 0.98 - 0.75 * wide * extras.neckline, 0.93 - 0.55 * wide * wide)
    edge = np.where(wide < people.head.width * 0.75, np.maximum(opening, shoulder), shoulder)
    depth = g.y - edge
    slope = clip01(0.75 + 0.5 * (g.x * lx) - 0.35 * wide * wide + 0.1 * wave(2.2 * g.x + extras.wall_turn))
    cloth = extras.cloth + extras.stripes * (wave(4.5 * g.y) > 0.2) * (extras.trim - extras.cloth)
    paint(canvas, cloth * (extras.fill + 0.7 * extras.key * slope), cover(-depth, fine * 1.3))
    paint(canvas, canvas * 0.6, 0.6 * step(0.05, 0.0, np.abs(depth)) * (extras.neckline <= 0.4))


def ears(canvas: Colour, g: Ground, people: People) -> None:
    """Both ears, the far one tucked behind the head, in place."""
    head, extras = people.head, people.extras
    yaw, fine = people.pose.yaw[0], g.pixel / people.pose.scale
    side = np.where(g.x < 0, np.float32(-1), np.float32(1))
    tucked = 0.16 * np.maximum(side * yaw, 0)
    x = np.abs(g.x) - head.width * (1.0 - tucked) - 0.012
    y = g.y - 0.03 + 0.25 * people.pose.nod[0] - 0.12 * x
    size = head.ears
    d = np.sqrt((x / (0.075 * size)) ** 2 + (y / (0.155 * size)) ** 2) - 1
    lit = extras.fill + 0.6 * extras.key * clip01(0.6 + 0.8 * side * extras.light[0])
    inner = 1 - 0.45 * bump((x - 0.01) / 0.05, (y + 0.01) / 0.1)
    paint(
        canvas,
        head.skin * np.array([1, 0.8, 0.76], np.float32)[:, None, None, None] * lit * inner,
        cover(d * 0.075, fine),
    )
    jewel = np.sqrt(x * x + (y - 0.15 * size) ** 2) - 0.024
    paint(canvas, extras.trim * 0.5 + 0.4, head.earring * cover(jewel, fine))
