"""The report: PNG figures, one HTML page that holds everything and needs nothing, and the same as JSON."""

import base64
import hashlib
import io
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from analysis.claims.judging import Finding
from analysis.claims.ladder import LadderSpec
from analysis.claims.words import HEADINGS, claim_view, record, tally
from analysis.figures import curves as plots
from analysis.figures import quality as quality_plots
from analysis.figures import style
from analysis.figures.claims import claim_figure
from analysis.figures.ladder import ladder_chart
from analysis.figures.mechanism import mechanism_chart
from analysis.frames.jobs import Frames
from analysis.frames.movement import movements
from analysis.frames.quality import quality_name
from analysis.frames.studies import StudyResult
from analysis.report.grids import Grid, data_uri, embed
from analysis.report.ladder_words import ladder_view
from analysis.report.mechanism import mechanism_words
from analysis.report.provenance import provenance
from analysis.report.quality import quality_view
from analysis.report.study_report import study_figures
from analysis.report.study_words import study_words
from analysis.report.table import EXPECTED, Row, common_settings, headings, summary_rows
from analysis.report.words import caution, headline, summary
from fakeface.errors import UserError
from fakeface.files import json_text, os_errors, whole_file
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.outcomes import Exit

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ReportFiles:
    """What `build` wrote."""

    page: Path
    """The HTML page, self-contained."""
    record: Mapping[str, Any]
    """The same as plain data, for other programs; `report.json` holds it."""
    figures: Mapping[str, Path]
    """The PNGs by name: `losses-<run>`, `losses-overlaid`, `losses-overlaid-narrow`, `quality`, `quality-time`,
    `samples-s<seed>`, `ladder-<group>`, `mechanism`, `study-<study>-<figure>`, `claim-<claim>`."""


@dataclass(frozen=True)
class AskedLadder:
    """A ladder of the specification, with its group's name."""

    name: str
    description: str
    spec: LadderSpec


@dataclass(frozen=True)
class Asked:
    """What the specification asks beyond how each run went."""

    ladders: Sequence[AskedLadder] = ()
    studies: Sequence[StudyResult] = ()
    """The reference of a study before the study itself."""
    claims: Sequence[Finding] = ()
    """What the data say about the specification's statements."""


@dataclass(frozen=True)
class StudyView:
    """What the page shows of a study."""

    study: StudyResult
    words: Sequence[str]
    figures: Mapping[str, str]
    """Data URIs by the figure's name."""


@dataclass(frozen=True)
class GridView:
    """One job in the sample viewer: its grids by step."""

    row: Row
    grids: tuple[Grid, ...]


def build(
    frames: Frames, destination: Path, *, title: str, command: str, asked: Asked | None = None
) -> ReportFiles:
    """Write the report into a folder, which is created. Each file appears whole or not at all.

    Args:
        title: what the page is about, the specification's name say.
        command: the `ablate run` command that trains what the page shows, for a shell. `ablate report` with its
            selectors then builds the page.
        asked: claims, ladders and studies to answer as well.

    Raises:
        UserError: none of the jobs has begun, or the folder cannot be written.
    """
    if frames.outcomes.empty or (frames.outcomes["exit"] == Exit.NEW).all():
        raise UserError(
            "nothing to report on: none of the selected jobs has begun. Train them with `ablate run` and the same "
            "selectors first, then `ablate report`."
        )
    asked = asked or Asked()
    with ThreadPoolExecutor(1) as meanwhile:
        embedded = meanwhile.submit(embed, frames)  # Pillow's work, beside that of matplotlib
        drawn = _pngs(_figures(frames) | _asked_figures(frames, asked))
        contents = _contents(frames, title, command, asked)
        page = _page(frames, drawn, contents, *embedded.result())
    with os_errors(destination, "write the report"):
        destination.mkdir(parents=True, exist_ok=True)
        paths = {name: _write(destination / f"{_file_name(name)}.png", body) for name, body in drawn.items()}
        written = ReportFiles(
            page=_write(destination / "report.html", page.encode()),
            record=_record(contents, asked),
            figures=paths,
        )
        # Last: who finds it finds the page that it is about.
        _write(destination / "report.json", json_text(written.record).encode())
        return written


def _record(contents: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    return {
        "title": contents["title"],
        "command": contents["command"],
        "built": time.time_ns() // 1_000_000,
        "claims": [record(finding) for finding in asked.claims],
        "runs": [asdict(row) for row in contents["rows"]],
        "provenance": contents["provenance"],
    }


def _figures(frames: Frames) -> dict[str, Figure]:
    """Every figure that the journals hold data for."""
    figures: dict[str, Figure] = {}
    losses = frames.metrics[frames.metrics["metric"].isin([LOSS_D, LOSS_G])]
    top = plots.loss_ceiling(frames)
    for run in frames.runs:
        if (losses["run"] == run).any():
            figures[f"losses-{run}"] = style.figure(4.7, 3.0)
            plots.loss_curves(figures[f"losses-{run}"].subplots(), frames, run, top=top)
    if len(losses):
        figures["losses-overlaid"] = plots.losses_overlaid(frames)
        figures["losses-overlaid-narrow"] = plots.losses_overlaid(frames, stacked=True)
    if len(frames.quality()):
        figures["quality"] = style.figure(5.2, 3.2)
        quality_plots.quality_over_steps(figures["quality"].subplots(), frames)
        if frames.quality()["seconds"].notna().any():
            figures["quality-time"] = style.figure(5.2, 3.2)
            quality_plots.quality_over_time(figures["quality-time"].subplots(), frames)
    for seed in frames.images["seed"].drop_duplicates():
        figures[f"samples-s{seed}"] = plots.sample_grids(frames, seed)
    return figures


def _asked_figures(frames: Frames, asked: Asked) -> dict[str, Figure]:
    figures = {f"ladder-{one.name}": ladder_chart(frames, one.spec) for one in asked.ladders}
    if asked.ladders:
        figures["mechanism"] = mechanism_chart(movements(frames))
    for study in asked.studies:
        before = next((one for one in asked.studies if one.name == study.reference_name), None)
        figures |= {
            f"study-{study.name}-{name}": drawn for name, drawn in study_figures(study, before).items()
        }
    # Runs that are on the page look as everywhere on it; those that only a claim names come after them.
    named = [run for finding in asked.claims for run in finding.claim.runs]
    looks = style.run_styles(list(dict.fromkeys([*frames.runs, *named])))
    for finding in asked.claims:
        drawn = claim_figure(finding, looks, quality_name(frames))
        if drawn is not None:
            figures[f"claim-{finding.claim.name}"] = drawn
    return figures


def _study_view(study: StudyResult, words: Sequence[str], drawn: Mapping[str, bytes]) -> StudyView:
    prefix = f"study-{study.name}-"
    figures = {name.removeprefix(prefix): body for name, body in drawn.items() if name.startswith(prefix)}
    return StudyView(study, words, {name: data_uri(body, "png") for name, body in figures.items()})


def _contents(frames: Frames, title: str, command: str, asked: Asked) -> dict[str, Any]:
    """What the page says."""
    rows = summary_rows(frames)
    return {
        "title": title,
        "command": command,
        "headline": headline(frames, rows),
        "summary": summary(frames, rows),
        "caution": caution(rows),
        "claims": [claim_view(finding) for finding in asked.claims],
        "claim_headings": HEADINGS,
        "tally": tally(asked.claims) if asked.claims else "",
        "headings": headings(frames),
        "rows": rows,
        "runs": frames.runs,
        "ladders": [
            ladder_view(frames, one.spec, name=one.name, description=one.description) for one in asked.ladders
        ],
        "mechanism": mechanism_words(movements(frames)) if asked.ladders else [],
        "studies": [(study, study_words(study)) for study in asked.studies],
        "quality_name": quality_name(frames),
        "quality": quality_view(frames),
        "provenance": provenance(frames),
        "common": common_settings(frames),
        "notes": frames.notes.to_dict("records"),
        "built": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }


def _page(
    frames: Frames,
    drawn: Mapping[str, bytes],
    contents: Mapping[str, Any],
    grids: Sequence[Grid],
    reduced_to: int | None,
) -> str:
    views = [
        GridView(row, tuple(g for g in grids if (g.run, g.seed) == (row.run, row.seed)))
        for row in contents["rows"]
        if row.exit != Exit.NEW
    ]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["names"] = _names
    script = (TEMPLATES / "report.js").read_text()
    return environment.get_template("report.html.j2").render(
        **{**contents, "studies": [_study_view(study, words, drawn) for study, words in contents["studies"]]},
        expected=EXPECTED,
        styles=style.run_styles(frames.runs),
        figures={
            name: data_uri(body, "png")
            for name, body in drawn.items()
            if not name.startswith(("samples-", "study-"))
        },
        views=views if grids else [],
        steps=sorted({grid.step for grid in grids}),
        seeds=list(dict.fromkeys(row.seed for row in contents["rows"])),
        reduced_to=reduced_to,
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _names(text: str) -> Markup:
    """Text with what stands between backticks set apart; everything else, and every name, is escaped."""
    parts = [
        Markup("<em>{}</em>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _pngs(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Draws one figure after another, and compresses each while the next is drawn: Pillow does that outside the
    interpreter's lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
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
    with whole_file(path) as file:
        file.write(body)
    return path
