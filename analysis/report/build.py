"""Builds the report: PNG figures, one HTML page that holds everything, and the same as JSON."""

import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from analysis.claims.paths import path_record
from analysis.claims.words import record as claim_record
from analysis.frames.jobs import Frames
from analysis.report.aggregates import aggregate_record
from analysis.report.figures import report_figures
from analysis.report.grids import embed
from analysis.report.page import render
from analysis.report.results import ReportInputs, Results, compute
from fakeface.environment import usable_cores
from fakeface.errors import UserError
from fakeface.files import json_text, os_errors, output_file
from fakeface.outcomes import Exit


@dataclass(frozen=True)
class ReportFiles:
    """What `build` wrote."""

    page: Path
    """The HTML page, self-contained."""
    record: Mapping[str, Any]
    """The same as plain data, for other programs; `report.json` holds it."""
    figures: Mapping[str, Path]
    """The PNGs by name: `losses-<run>`, `losses-overlaid`, `losses-overlaid-narrow`, `quality`, `quality-time`,
    `quality-seeds`, `quality-seeds-narrow`, `profiles`, `samples-s<seed>`, `ladder-<start>-<goal>`, `path-<path>`,
    `mechanism`, `study-<study>-<figure>`, `claim-<claim>`. The record names them, and the next
    report in the same folder removes those that it does not write."""


def build(
    frames: Frames, destination: Path, *, title: str, command: str, inputs: ReportInputs | None = None
) -> ReportFiles:
    """Write the report into a folder, which is created. Each file appears whole or not at all.

    Args:
        title: what the page is about, the specification's name for example.
        command: the `ablate run` command that trains what the page shows, for a shell. `ablate report` with its
            selectors then builds the page.
        inputs: claims and studies to answer as well.

    Raises:
        UserError: none of the jobs has begun, or the folder cannot be written.
    """
    if frames.outcomes.empty or (frames.outcomes["exit"] == Exit.NEW).all():
        raise UserError(
            "nothing to report on: none of the selected jobs has begun. Train them with `ablate run` and the same "
            "selectors first, then `ablate report`. `ablate status` says what else the store has."
        )
    results = compute(frames, title=title, command=command, inputs=inputs)
    with ThreadPoolExecutor(1) as meanwhile:
        grids = meanwhile.submit(embed, frames.images)  # Pillow's work, beside matplotlib's
        pngs = _draw(report_figures(results))
        page = render(results, pngs, grids.result())
    with os_errors(destination, "write the report"):
        destination.mkdir(parents=True, exist_ok=True)
        former = _figures_of(destination)
        figures = {name: _write(destination / f"{_file_name(name)}.png", body) for name, body in pngs.items()}
        written = ReportFiles(
            figures=figures,
            page=_write(destination / "report.html", page.encode()),
            record={**record(results), "figures": {name: path.name for name, path in figures.items()}},
        )
        # Last: when it is there, the page that it describes is there as well.
        _write(destination / "report.json", json_text(written.record).encode())
        for name in former - set(written.record["figures"].values()):
            (destination / name).unlink(missing_ok=True)
        return written


def record(results: Results) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "title": results.title,
        "command": results.command,
        "built": round(results.built.timestamp() * 1000),
        "claims": [claim_record(verdict) for verdict in results.verdicts],
        "paths": [path_record(path) for path in results.paths],
        "runs": [asdict(row) for row in results.rows],
        "aggregates": aggregate_record(results.aggregates) if results.aggregates else None,
        "provenance": results.provenance,
        "left_out": results.left_out,
    }


def _figures_of(folder: Path) -> set[str]:
    """The files that a former report in a folder names as its figures. None where it names none: nothing else in the
    folder is touched."""
    try:
        named = json.loads((folder / "report.json").read_text())["figures"].values()
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return set()
    return {
        name for name in named
        if isinstance(name, str) and name == f"{_file_name(name.removesuffix('.png'))}.png"
    }  # fmt: skip


def _draw(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """The figures as PNGs. Each is compressed while the next is drawn: Pillow releases the interpreter's lock."""
    with ThreadPoolExecutor(usable_cores()) as pool:
        pending = {name: pool.submit(_compressed, _pixels(figure)) for name, figure in figures.items()}
        return {name: png.result() for name, png in pending.items()}


def _pixels(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


def _compressed(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def _file_name(name: str) -> str:
    """A name that every file system takes."""
    return "".join(c if c.isalnum() or c in "-_.=+," else "_" for c in name)


def _write(path: Path, body: bytes) -> Path:
    with output_file(path) as file:
        file.write(body)
    return path
