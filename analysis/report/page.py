"""The page: one HTML file that needs nothing else."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from analysis.claims.judging import Verdict
from analysis.claims.ladders import ladder_headings, ladder_rows, ladder_words
from analysis.claims.paths import path_headings, path_rows, path_words
from analysis.claims.words import ONE_SEED, cells, method_words, sentence, tally
from analysis.figures.profiles import MOST_BANDS
from analysis.report.aggregates import aggregate_headings, aggregate_rows
from analysis.report.grids import EmbeddedGrids, data_uri
from analysis.report.mechanism import mechanism_words
from analysis.report.quality import floor_of, quality_view
from analysis.report.results import Results
from analysis.report.spread import SPREAD_HEADINGS, spread_rows
from analysis.report.study_words import study_words
from analysis.report.table import EXPECTED, common_settings, headings
from analysis.report.words import caution, headline, meanings, summary, unbegun, unit_words
from analysis.statistics import VerdictWord
from analysis.wording import COVERS_AT_N
from fakeface.outcomes import Exit

TEMPLATES = Path(__file__).parent / "templates"


def render(results: Results, pngs: Mapping[str, bytes], grids: EmbeddedGrids) -> str:
    """The page as HTML.

    Args:
        pngs: the figures, drawn, by name.
    """
    figures = {name: data_uri(body, "png") for name, body in pngs.items() if not name.startswith("samples-")}
    script = (TEMPLATES / "report.js").read_text()
    return template("report.html.j2").render(
        **_contents(results),
        figures=figures,
        studies=_studies(results, figures),
        views=_views(results, grids),
        steps=sorted({grid.step for grid in grids.grids}),
        reduced_to=grids.reduced_to,
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def template(name: str) -> Template:
    """A template of the page, which escapes everything that it is given."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["names"] = names
    environment.filters["sections"] = sections
    return environment.get_template(name)


def names(text: str) -> Markup:
    """Text in which what is between backticks is a name or, with spaces, a command, and numbers such as 2e-4 have no
    line break inside. Everything is escaped."""
    parts = [
        Markup("<code>{}</code>" if " " in part else "<em>{}</em>").format(part)
        if index % 2
        else Markup(_POWER.sub(r'<span class="whole">\g<0></span>', str(escape(part))))
        for index, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


_POWER = re.compile(r"[−+-]?[0-9.]+e-[0-9]+")
_SECTION = re.compile(r'<section id="([^"]+)"[^>]*>\s*(?:<details>\s*<summary>)?<h2>(.*?)</h2>')


def sections(body: Markup) -> list[tuple[Markup, Markup]]:
    """The id and the heading of each section of a page, as it has them."""
    return [(Markup(anchor), Markup(heading)) for anchor, heading in _SECTION.findall(str(body))]


def _contents(results: Results) -> dict[str, Any]:
    """The words and tables."""
    verdicts, quality = results.other_verdicts, results.scores.name
    begun = [row for row in results.rows if row.exit != Exit.NEW]
    declared = list(results.frames.jobs["declared"])
    return {
        "title": results.title,
        "command": results.command,
        "headline": headline(results.rows),
        "summary": summary(results.rows, quality, floor_of(results.scores)),
        "caution": caution(results.rows),
        "claims": _claims(verdicts),
        "tally": tally(verdicts) if verdicts else "",
        "headings": headings(quality),
        "rows": begun,
        "jobs": len(results.rows),
        "unbegun": unbegun(results.rows),
        "meanings": meanings(begun),
        "expected": EXPECTED,
        "runs": results.frames.runs,
        "seeds": sorted({row.seed for row in begun}),
        "styles": results.looks,
        "ladders": [
            {
                "ladder": ladder,
                "words": ladder_words(ladder),
                "headings": ladder_headings(ladder, quality),
                "rows": list(ladder_rows(ladder)),
            }
            for ladder in results.ladders
        ],
        "paths": [
            {
                "found": path,
                "words": path_words(path, quality),
                "headings": path_headings(quality),
                "rows": path_rows(path) if path.moves else [],
            }
            for path in results.paths
        ],
        "mechanism": mechanism_words(results.movements) if results.ladders else [],
        "quality_name": quality,
        "curve_name": results.scores.curve_name,
        "quality": quality_view(results.scores),
        "covers_at_n": COVERS_AT_N,
        "aggregates": _aggregates(results),
        "provenance": results.provenance,
        "common": common_settings(results.frames),
        "objectives": list(dict.fromkeys(one.words for one in declared)),
        "units": unit_words(declared),
        "left_out": results.left_out,
        "notes": results.frames.notes.to_dict("records"),
        "built": results.built.strftime("%Y-%m-%d %H:%M %Z"),
    }


def _claims(verdicts: Sequence[Verdict]) -> dict[str, list[dict[str, Any]]]:
    """What `claims.html.j2` needs: the claims with a verdict, those of which one seed is known, and those not run."""
    views: dict[str, list[dict[str, Any]]] = {"judged": [], "described": [], "lacking": []}
    places = {VerdictWord.DESCRIBED: "described", VerdictWord.NOT_RUN: "lacking"}
    for verdict in verdicts:
        views[places.get(verdict.word, "judged")].append(
            {
                "claim": verdict.claim,
                "verdict": verdict.word,
                "cells": cells(verdict),
                "words": sentence(verdict).replace(ONE_SEED, ""),
                "method": method_words(verdict),
                "change": verdict.change.brief if verdict.change else "",
            }
        )
    return views


def _aggregates(results: Results) -> dict[str, Any] | None:
    """What `aggregates.html.j2` needs."""
    found = results.aggregates
    if found is None:
        return None
    return {
        "against": found.against,
        "headings": aggregate_headings(found, results.scores.name),
        "rows": aggregate_rows(found),
        "bands": len(found.table) <= MOST_BANDS,
        "spread_headings": SPREAD_HEADINGS,
        "spread_rows": spread_rows(found.parts),
    }


def _studies(results: Results, figures: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each study what `studies.html.j2` needs."""
    views = []
    for study in results.studies:
        prefix = f"study-{study.name}-"
        own = {name.removeprefix(prefix): uri for name, uri in figures.items() if name.startswith(prefix)}
        views.append(
            {"study": study, "words": study_words(study, results.further.get(study.name, ())), "figures": own}
        )
    return views


def _views(results: Results, grids: EmbeddedGrids) -> list[dict[str, Any]]:
    """Each job that has begun with its grids by step; none where there are no grids at all."""
    if not grids.grids:
        return []
    return [
        {"row": row, "grids": [grid for grid in grids.grids if (grid.run, grid.seed) == (row.run, row.seed)]}
        for row in results.rows
        if row.exit != Exit.NEW
    ]
