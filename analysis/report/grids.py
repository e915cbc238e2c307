"""Sample grids as data URIs, small enough that a page with many jobs stays one file that people can send around."""

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from fakeface.environment import usable_cores

AS_THEY_ARE = 4_000_000
"""Up to so many bytes in all, the grids are embedded as the PNGs that they are."""
BUDGET = 6_000_000
"""Otherwise they become WebP, as large and as fine as this many bytes allow: 8 MB on the page."""
LADDER = ((1024, 90), (768, 85), (512, 85), (512, 70), (384, 70), (256, 70), (192, 60), (128, 50))
"""(widest side in pixels, WebP quality), best first; the last is used whatever its size."""
PROBES = 24
"""Grids that are encoded to predict the size of all."""
GOLDEN = 0.6180339887498949
"""Its multiples spread the probes over all steps and runs; every tenth grid would be the same step of each job."""


@dataclass(frozen=True)
class Grid:
    """One job's grid at one step."""

    run: str
    seed: int
    step: int
    uri: str


@dataclass(frozen=True)
class EmbeddedGrids:
    """The grids of all jobs, by job and step."""

    grids: Sequence[Grid]
    reduced_to: int | None
    """Side in pixels to which larger ones were reduced; None: they have all their pixels."""


def embed(images: pd.DataFrame) -> EmbeddedGrids:
    """Every grid that can be read; one that is missing or damaged is left out.

    Args:
        images: of `Frames`.
    """
    rows = images.sort_values(["run", "seed", "step"]).to_dict("records")
    paths = [Path(row["path"]) for row in rows]
    sizes = [_size(path) for path in paths]
    rung = None if sum(sizes) <= AS_THEY_ARE else _rung([p for p, s in zip(paths, sizes, strict=True) if s])
    with ThreadPoolExecutor(
        usable_cores()
    ) as pool:  # Pillow decodes and encodes outside the interpreter's lock
        encoded = list(pool.map(lambda path: _encode(path, rung), paths))
    grids = [
        Grid(row["run"], row["seed"], row["step"], data_uri(found[0], "webp" if rung else "png"))
        for row, found in zip(rows, encoded, strict=True)
        if found
    ]
    return EmbeddedGrids(grids, rung[0] if rung and any(found and found[1] for found in encoded) else None)


def data_uri(body: bytes, kind: str) -> str:
    """An image file as an address that needs no network. `kind`: png or webp."""
    return f"data:image/{kind};base64,{base64.b64encode(body).decode()}"


def _size(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _rung(paths: Sequence[Path]) -> tuple[int, int]:
    """The best rung of the ladder whose total, predicted from a few grids spread over all, keeps the budget."""
    places = {int(number * GOLDEN % 1 * len(paths)) for number in range(PROBES)}
    probes = [paths[place] for place in sorted(places)]
    for rung in LADDER:
        sizes = [len(found[0]) for found in (_encode(path, rung) for path in probes) if found]
        if sum(sizes) * len(paths) <= BUDGET * len(sizes):
            return rung
    return LADDER[-1]


def _encode(path: Path, rung: tuple[int, int] | None) -> tuple[bytes, bool] | None:
    """A grid as WebP, or as the PNG that it is where `rung` is None, and whether it was reduced; None: unreadable."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
        if rung is None:
            return path.read_bytes(), False
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for a file that is damaged
        return None
    side, quality = rung
    large = max(picture.size) > side
    if large:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "webp", quality=quality, method=1)
    return buffer.getvalue(), large
