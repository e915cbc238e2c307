"""Draw people at random: the person at an index is the same whatever else is drawn."""

import numpy as np
from numpy.typing import NDArray

from fakeface.data.portraits.people import Extras, Eyes, Hair, Head, Mouth, People, Pose
from fakeface.data.portraits.shapes import Colour, Plane

SEED = 20_240_229
"""Image i is drawn from the generator seeded with (SEED, i)."""
NUM_DRAWS = 139
"""Uniform numbers behind one person."""

SKIN = (
    (243, 207, 184),
    (237, 193, 163),
    (226, 174, 138),
    (198, 142, 104),
    (154, 102, 70),
    (104, 67, 48),
    (72, 47, 37),
)
HAIR = (
    (24, 21, 22),
    (46, 33, 27),
    (82, 55, 37),
    (122, 86, 54),
    (172, 134, 84),
    (222, 188, 128),
    (240, 226, 192),
)
EYES = ((44, 26, 16), (84, 50, 24), (110, 84, 40), (84, 112, 76), (98, 130, 150), (86, 128, 178))
VIVID = ((40, 150, 160), (196, 70, 120), (110, 70, 170), (70, 90, 190))


class Draws:
    """Hands out one independent uniform column after another. The order of the calls decides the faces."""

    def __init__(self, indices: range) -> None:
        rows = [np.random.default_rng((SEED, i)).random(NUM_DRAWS) for i in indices]
        self._columns = iter(np.stack(rows, axis=1))

    def unit(self) -> NDArray[np.float64]:
        """Uniform in [0, 1), (B,)."""
        return next(self._columns)

    def between(self, low: float, high: float) -> NDArray[np.float64]:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def around(self, centre: float, reach: float) -> NDArray[np.float64]:
        """Peaked at `centre`, never further than `reach` away: the mean of two uniform draws."""
        return centre + reach * (self.unit() + self.unit() - 1)

    def chance(self, probability: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """1 with this probability, else 0."""
        return (self.unit() < probability).astype(np.float64)


def _plane(x: NDArray[np.float64]) -> Plane:
    return x.astype(np.float32)[:, None, None]


def _colour(stops: tuple[tuple[int, int, int], ...], position: NDArray[np.float64]) -> Colour:
    """Interpolate a palette at `position` in [0, 1]; linear light (the value squared), (3, B, 1, 1)."""
    table = np.array(stops) / 255
    where = np.clip(position, 0, 1) * (len(stops) - 1)
    channels = [np.interp(where, np.arange(len(stops)), table[:, c]) for c in range(3)]
    return (np.stack(channels) ** 2).astype(np.float32)[:, :, None, None]


def _hue(draws: Draws, low: float, high: float, saturation: float) -> Colour:
    """Any colour: a brightness in [low, high] and a tint, (3, B, 1, 1)."""
    value, strength, hue = draws.between(low, high), draws.between(0, saturation), draws.unit()
    phase = (hue[None] + np.array([0, 1 / 3, 2 / 3])[:, None]) % 1
    tent = np.clip(np.abs(phase * 6 - 3) - 1, 0, 1)
    rgb = value * (1 - strength * (1 - tent))
    linear: Colour = (rgb**2).astype(np.float32)[:, :, None, None]
    return linear


def draw_people(indices: range) -> People:
    """The people at these indices, each the same whatever else is drawn."""
    draws = Draws(indices)
    feminine, age = draws.chance(0.5), draws.unit() ** 1.5
    tone = draws.unit() ** 1.5
    head = _head(draws, feminine, age, tone)
    natural = np.clip(draws.unit() ** 1.4 * (1.15 - 1.35 * tone), 0, 1)
    hair = _hair(draws, feminine, age, natural)
    eyes = _eyes(draws, feminine, tone)
    mouth = _mouth(draws, feminine, tone, head)
    return People(_pose(draws), head, eyes, mouth, hair, _extras(draws))


def _turn(angle: NDArray[np.float64]) -> tuple[Plane, Plane]:
    return _plane(np.sin(angle)), _plane(np.cos(angle))


def _pose(draws: Draws) -> Pose:
    return Pose(
        yaw=_turn(draws.around(0, 0.5)),
        nod=_turn(draws.around(0.02, 0.2)),
        roll=_turn(draws.around(0, 0.14)),
        x=_plane(draws.around(0, 0.06)),
        y=_plane(draws.around(0.03, 0.05)),
        scale=_plane(draws.around(1.16, 0.07)),
    )


def _head(
    draws: Draws, feminine: NDArray[np.float64], age: NDArray[np.float64], tone: NDArray[np.float64]
) -> Head:
    undertone = draws.around(0, 0.06)
    skin = _colour(SKIN, tone)
    skin[0] *= _plane(1 + undertone)
    skin[2] *= _plane(1 - undertone)
    return Head(
        width=_plane(draws.around(0.505, 0.05) - 0.02 * feminine),
        height=_plane(draws.around(0.705, 0.045) - 0.015 * feminine),
        jaw=_plane(draws.around(0.2, 0.13) + 0.06 * feminine),
        square=_plane(draws.around(0.45, 0.4) * (1 - 0.55 * feminine)),
        cheeks=_plane(draws.between(0.4, 1.3)),
        chin=_plane(draws.between(0.3, 1.2)),
        age=_plane(age),
        skin=skin,
        flush=_plane(draws.between(0.0, 1.0)),
        makeup=_plane(feminine * draws.unit()),
        freckles=_plane(draws.chance(0.18) * (tone < 0.4)),
        ears=_plane(draws.between(0.85, 1.2)),
        earring=_plane(draws.chance(0.05 + 0.4 * feminine)),
    )


def _eyes(draws: Draws, feminine: NDArray[np.float64], tone: NDArray[np.float64]) -> Eyes:
    return Eyes(
        spacing=_plane(draws.around(0.405, 0.05)),
        y=_plane(draws.around(-0.06, 0.04)),
        width=_plane(draws.around(0.225, 0.035)),
        upper=_plane(draws.around(0.1, 0.035) + 0.012 * feminine),
        lower=_plane(draws.around(0.055, 0.02)),
        slant=_plane(draws.around(0.02, 0.06)),
        iris=_colour(EYES, draws.unit() * np.clip(1.3 - 2.2 * tone, 0.12, 1)),
        look=_plane(draws.around(0, 0.05)),
        lashes=_plane(0.55 + 0.45 * feminine * draws.unit()),
        brow_y=_plane(draws.around(-0.235, 0.04)),
        brow_arch=_plane(draws.between(0.01, 0.07) + 0.015 * feminine),
        brow_tilt=_plane(draws.around(0, 0.06)),
        brow_weight=_plane(draws.between(0.022, 0.05) - 0.01 * feminine),
    )


def _mouth(draws: Draws, feminine: NDArray[np.float64], tone: NDArray[np.float64], head: Head) -> Mouth:
    smile = draws.between(-0.4, 1.25)
    gap = draws.chance(0.5) * np.clip(smile + 0.15, 0, 1) * draws.between(0.07, 0.16)
    lipstick = feminine * draws.chance(0.5) * draws.between(0.3, 0.9)
    rouge = _colour(((150, 30, 45), (190, 50, 70), (120, 30, 60), (200, 80, 80)), draws.unit())
    bare = head.skin * np.array([0.86, 0.50, 0.50], dtype=np.float32)[:, None, None, None]
    masculine = 1 - feminine
    kind = draws.unit()  # stubble, moustache, goatee, full beard, and clean-shaven for the rest
    stubble, whiskers = kind < 0.22, (kind >= 0.22) & (kind < 0.30)
    goatee, full = (kind >= 0.30) & (kind < 0.40), (kind >= 0.40) & (kind < 0.58)
    density = draws.between(0.75, 0.95)
    return Mouth(
        nose_width=_plane(draws.around(1, 0.25) + 0.25 * tone - 0.1 * feminine),
        nose_length=_plane(draws.around(0.27, 0.045)),
        nose_height=_plane(draws.between(0.7, 1.25) - 0.12 * feminine),
        nose_bridge=_plane(draws.between(0.5, 1.3)),
        y=_plane(draws.around(0.545, 0.035)),
        width=_plane(draws.around(0.32, 0.05) + 0.08 * np.clip(smile, 0, 1)),
        upper=_plane(draws.between(0.03, 0.065) + 0.015 * tone),
        lower=_plane(draws.between(0.05, 0.095) + 0.02 * tone),
        smile=_plane(smile),
        gap=_plane(gap),
        lips=bare + _plane(lipstick) * (rouge - bare),
        beard=_plane(masculine * (0.38 * stubble + density * (goatee | full))),
        cheek_beard=_plane(np.where(goatee, 0.0, 1.0)),
        moustache=_plane(masculine * (0.38 * stubble + density * (whiskers | goatee | full))),
    )


def _hair(
    draws: Draws, feminine: NDArray[np.float64], age: NDArray[np.float64], natural: NDArray[np.float64]
) -> Hair:
    colour = _colour(HAIR, natural)
    ginger = draws.chance(0.12) * (natural > 0.15) * draws.between(0.4, 1)
    colour += _plane(ginger) * (_colour(((196, 92, 38),), natural) - colour) * np.float32(0.7)
    grey = np.clip((age - 0.62) * 3, 0, 1) * draws.unit()
    colour += _plane(grey) * (_colour(((150, 148, 148), (226, 224, 220)), draws.unit()) - colour)
    dye = draws.chance(0.04)
    colour += _plane(dye) * (_colour(VIVID, draws.unit()) - colour)

    style = draws.unit()
    bald = (1 - feminine) * (style < 0.07)
    buzz = (1 - feminine) * (style >= 0.07) * (style < 0.24)
    long = np.where(feminine == 1, style < 0.58, style > 0.93).astype(np.float64)
    bob = np.where(feminine == 1, (style >= 0.58) & (style < 0.80), (style > 0.84) & (style <= 0.93)) * 1.0
    bun = feminine * (style >= 0.88)
    short = (1 - bald) * (1 - buzz) * (1 - long) * (1 - bob)
    hanging = np.maximum(long, bob)
    curly = draws.chance(0.3) * (1 - buzz) * draws.between(0.4, 1)
    fringe = draws.chance(0.22 + 0.1 * feminine) * (1 - buzz) * (1 - bun)
    volume = draws.unit()
    return Hair(
        colour=colour,
        amount=_plane(1 - bald),
        top=_plane(0.03 + (0.03 + 0.1 * volume) * (1 - buzz) * (1 - 0.5 * bun) + 0.07 * curly),
        side=_plane(0.015 + short * 0.05 * draws.unit() + hanging * draws.between(0.06, 0.16) + 0.1 * curly),
        length=_plane(
            np.where(long == 1, draws.between(1.35, 2.1), np.where(bob == 1, draws.between(0.62, 1.0), -9))
        ),
        flow=_plane(draws.chance(0.6)),
        line=_plane(draws.around(-0.66, 0.09) - 0.14 * (1 - feminine) * age * draws.unit() + 0.34 * fringe),
        burns=_plane(np.where(hanging == 1, 3.0, np.where(bun == 1, -0.15, draws.between(-0.1, 0.25)))),
        part=_plane(draws.between(-0.5, 0.5)),
        sweep=_plane(draws.around(0, 0.3) * (1 - buzz)),
        fringe=_plane(fringe),
        curl=_plane(curly),
        pitch=_plane(draws.between(0.8, 1.4)),
        gloss=_plane(draws.between(0.2, 1) * (1 - 0.6 * curly) * (1 - 0.8 * buzz)),
        phase=_plane(draws.unit()),
        bun=_plane(bun * draws.between(0.2, 0.3)),
    )


def _extras(draws: Draws) -> Extras:
    light_x, light_y = draws.around(0, 0.95), draws.around(-0.38, 0.3)
    towards = np.sqrt(np.maximum(1 - light_x**2 - light_y**2, 0.09))
    length = np.sqrt(light_x**2 + light_y**2 + towards**2)
    glasses = draws.chance(0.24)
    return Extras(
        glasses=_plane(glasses),
        lens=(
            _plane(draws.between(0.24, 0.3)),
            _plane(draws.between(0.15, 0.23)),
            _plane(draws.between(0.3, 1)),
        ),
        rim=_hue(draws, 0.08, 0.5, 0.6),
        rim_weight=_plane(draws.between(0.016, 0.04)),
        shade=_plane(np.where(draws.unit() < 0.15, 0.9, 0.06)),
        cloth=_hue(draws, 0.12, 0.95, 0.8),
        trim=_hue(draws, 0.3, 1, 0.5),
        neckline=_plane(draws.between(-0.3, 1)),
        stripes=_plane(draws.chance(0.25)),
        shoulders=_plane(draws.around(0, 0.06)),
        wall=(_hue(draws, 0.2, 0.95, 0.4), _hue(draws, 0.12, 0.8, 0.5)),
        wall_turn=_plane(draws.between(-1, 1)),
        spots=(
            _plane(draws.between(-1, 1)),
            _plane(draws.between(-0.9, 0.3)),
            _plane(draws.between(0.2, 0.6)),
        ),
        light=(_plane(light_x / length), _plane(light_y / length), _plane(towards / length)),
        warmth=_plane(draws.around(0.03, 0.16)),
        key=_plane(draws.between(0.7, 1.02)),
        fill=_plane(draws.between(0.3, 0.56)),
    )
