"""Who is in the picture: the independent factors of a batch of B people, each number as (B, 1, 1)."""

from dataclasses import dataclass

from fakeface.data.portraits.shapes import Colour, Plane


@dataclass(frozen=True)
class Pose:
    """Where the head is and how it turns; sines and cosines of yaw, nod and roll."""

    yaw: tuple[Plane, Plane]
    nod: tuple[Plane, Plane]
    roll: tuple[Plane, Plane]
    x: Plane
    y: Plane
    scale: Plane


@dataclass(frozen=True)
class Head:
    """Build of the face. Lengths are in head units: 1 is the half-width across, the half-height down."""

    width: Plane
    height: Plane
    jaw: Plane
    square: Plane
    cheeks: Plane
    chin: Plane
    age: Plane
    skin: Colour
    flush: Plane
    makeup: Plane
    freckles: Plane
    ears: Plane
    earring: Plane


@dataclass(frozen=True)
class Eyes:
    """Eyes and brows."""

    spacing: Plane
    y: Plane
    width: Plane
    upper: Plane
    lower: Plane
    slant: Plane
    iris: Colour
    look: Plane
    lashes: Plane
    brow_y: Plane
    brow_arch: Plane
    brow_tilt: Plane
    brow_weight: Plane


@dataclass(frozen=True)
class Mouth:
    """Nose, mouth and beard."""

    nose_width: Plane
    nose_length: Plane
    nose_height: Plane
    nose_bridge: Plane
    y: Plane
    width: Plane
    upper: Plane
    lower: Plane
    smile: Plane
    gap: Plane
    lips: Colour
    beard: Plane
    cheek_beard: Plane
    moustache: Plane


@dataclass(frozen=True)
class Hair:
    """Hair of the head; `length` is how far down it hangs in head units."""

    colour: Colour
    amount: Plane
    top: Plane
    side: Plane
    length: Plane
    flow: Plane
    line: Plane
    burns: Plane
    part: Plane
    sweep: Plane
    fringe: Plane
    curl: Plane
    pitch: Plane
    gloss: Plane
    phase: Plane
    bun: Plane


@dataclass(frozen=True)
class Extras:
    """Glasses, clothes, background and light."""

    glasses: Plane
    lens: tuple[Plane, Plane, Plane]
    rim: Colour
    rim_weight: Plane
    shade: Plane
    cloth: Colour
    trim: Colour
    neckline: Plane
    stripes: Plane
    shoulders: Plane
    wall: tuple[Colour, Colour]
    wall_turn: Plane
    spots: tuple[Plane, Plane, Plane]
    light: tuple[Plane, Plane, Plane]
    warmth: Plane
    key: Plane
    fill: Plane


@dataclass(frozen=True)
class People:
    """A batch of B people."""

    pose: Pose
    head: Head
    eyes: Eyes
    mouth: Mouth
    hair: Hair
    extras: Extras
