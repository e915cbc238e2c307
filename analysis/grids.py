"""Sample grids as data URIs, small enough that a page with many jobs stays one file that people can send around."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from analysis.frames import Frames

AS_THEY_ARE = 4_000_000
"""Up to so many bytes in all, the grids go in as the PNGs that they are."""
BUDGET = 8_000_000
"""Otherwise they become WebP, as large and as fine as this many bytes in all allow."""
LADDER = ((1024, 90), (768, 85), (512, 85), (512, 70), (384, 70), (256, 70), (192, 60), (128, 50))
"""(widest side in pixels, WebP quality), best first; the last holds whatever it costs."""
PROBES = 12
"""Grids that are encoded to foretell the size of all."""


@dataclass(frozen=True)
class Grid:
    """One job's grid at one step."""

    run: str
    seed: int
    step: int
    uri: str


def embed(frames: Frames) -> tuple[list[Grid], int | None]:
    """Every grid that can be read, by job and step.

    Returns:
        The grids, and the widest side in pixels to which larger ones were reduced (None: nothing was reduced).
    """
    rows = frames.images.sort_values(["run", "seed", "step"]).to_dict("records")
    rows = [row for row in rows if _readable(row["path"])]
    paths = [Path(row["path"]) for row in rows]
    if sum(path.stat().st_size for path in paths) <= AS_THEY_ARE:
        bodies, kind, side = [path.read_bytes() for path in paths], "png", None
    else:
        side, quality = _rung(paths)
        bodies, kind = [_webp(path, side, quality) for path in paths], "webp"
    grids = [
        Grid(row["run"], row["seed"], row["step"], data_uri(body, kind))
        for row, body in zip(rows, bodies, strict=True)
    ]
    return grids, side


def data_uri(body: bytes, kind: str) -> str:
    """An image file as an address that needs no network. `kind`: png or webp."""
    return f"data:image/{kind};base64,{base64.b64encode(body).decode()}"


def _readable(path: Path) -> bool:
    """Whether it is a whole image: a grid that is missing or torn must not stop the report."""
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def _rung(paths: Sequence[Path]) -> tuple[int, int]:
    """The best rung of the ladder whose total, foretold from a few grids spread over all, keeps the budget."""
    probes = paths[:: max(1, len(paths) // PROBES)]
    for side, quality in LADDER:
        size = sum(len(_webp(path, side, quality)) for path in probes) / len(probes)
        if size * len(paths) <= BUDGET:
            return side, quality
    return LADDER[-1]


def _webp(path: Path, side: int, quality: int) -> bytes:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "webp", quality=quality, method=2)
    return buffer.getvalue()
