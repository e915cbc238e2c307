"""The report as Markdown: the same words and numbers as the page, and the figures as files beside it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.claims.words import ClaimView

_SPECIAL = re.compile(r"([\\`*_<>\[\]|#$~])")
Figures = Mapping[str, str]
"""File names by the figure's name."""


def render(contents: Mapping[str, Any], figures: Figures) -> str:
    """The report as text.

    Args:
        contents: what the page says (`report.build`).
        figures: those that were drawn.
    """
    parts = [
        f"# {_text(contents['headline'])}",
        _text(contents["summary"]),
        _text(contents["caution"]),
        *_claims(contents, figures),
        "## Runs",
        _table(contents["headings"], [row.cells() for row in contents["rows"]]),
        *_evidence(contents["rows"]),
        *_ladders(contents, figures),
        *_studies(contents["studies"], figures),
        *_pictures(contents, figures),
        *_end(contents),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _claims(contents: Mapping[str, Any], figures: Figures) -> Iterator[str]:
    claims: Sequence[ClaimView] = contents["claims"]
    if not claims:
        return
    yield "## Claims"
    yield _text(contents["tally"])
    yield _table(contents["claim_headings"], [claim.cells() for claim in claims])
    for claim in claims:
        yield f"### {_text(claim.says)}"
        yield f"**{claim.verdict}**. {_text(claim.words)}"
        yield from _figure(figures, f"claim-{claim.name}", claim.says)
        told = [claim.name, claim.method, f"source: {claim.source}" if claim.source else ""]
        yield f"*{_text('; '.join(part for part in told if part))}*"


def _evidence(rows: Sequence[Any]) -> Iterator[str]:
    """What stands behind each outcome."""
    for row in rows:
        told = [words for part, words in row.evidence.items() if (part, row.exit) != ("exit", "finished")]
        if told:
            yield f"- **{_text(row.run)}**, seed {row.seed}: {_text('; '.join(told))}"


def _ladders(contents: Mapping[str, Any], figures: Figures) -> Iterator[str]:
    for ladder in contents["ladders"]:
        yield f"## Why {_text(ladder.floor)} fails where {_text(ladder.goal)} works"
        yield _text(ladder.description)
        yield _bullets(ladder.words)
        yield from _figure(figures, f"ladder-{ladder.name}", "the ladder")
        yield _table(ladder.headings, ladder.rows)
    if contents["mechanism"]:
        yield "## How far each network moved"
        yield _bullets(contents["mechanism"])
        yield from _figure(figures, "mechanism", "length of a step of each network")


def _studies(studies: Sequence[tuple[Any, Sequence[str]]], figures: Figures) -> Iterator[str]:
    for study, words in studies:
        yield f"## Study: {_text(study.name)}"
        yield _text(study.description)
        yield _bullets(words)
        for name in figures:
            if name.startswith(f"study-{study.name}-"):
                yield from _figure(figures, name, name)


def _pictures(contents: Mapping[str, Any], figures: Figures) -> Iterator[str]:
    """Losses, samples and quality."""
    losses = [f"losses-{run}" for run in contents["runs"]]
    samples = [name for name in figures if name.startswith("samples-s")]
    yield from _section("Loss curves", figures, [*losses, "losses-overlaid"])
    yield from _section("Samples on the same noise", figures, samples)
    yield from _section("Quality", figures, ["quality", "quality-time"])
    quality = contents["quality"]
    if quality:
        rows = [row.cells() for row in quality.rows]
        yield _table(quality.headings, [*rows, ["jobs behind each column", "", *quality.counts]])


def _section(title: str, figures: Figures, names: Sequence[str]) -> Iterator[str]:
    """Figures under a heading; nothing where none of them was drawn."""
    shown = [part for name in names for part in _figure(figures, name, name)]
    if shown:
        yield f"## {title}"
        yield from shown


def _end(contents: Mapping[str, Any]) -> Iterator[str]:
    """Notes, provenance, and how to make it all again."""
    if contents["notes"]:
        yield "## Notes from the journals"
        yield _bullets(f"{note['run']}, seed {note['seed']}: {note['text']}" for note in contents["notes"])
    yield "## Provenance"
    known = {topic: ", ".join(values) for topic, values in contents["provenance"].items() if values}
    if contents["common"]:
        settings = (f"{name} = {value}" for name, value in contents["common"].items())
        known["Settings of all runs"] = ", ".join(settings)
    yield _bullets(f"{topic}: {value}" for topic, value in known.items())
    yield "## Reproduce"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", contents["command"])), default=0))
    yield f"{fence}\n{contents['command']}\n{fence}"
    yield f"Built {contents['built']}."


def _figure(figures: Figures, name: str, alt: str) -> Iterator[str]:
    if name in figures:
        yield f"![{_text(alt)}]({figures[name]})"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_text(line)}" for line in lines)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [["---" if cell == "---" else _text(cell) for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _text(text: str) -> str:
    """On one line, with all that Markdown or HTML would read escaped; names between backticks stay code."""
    line = " ".join(str(text).split())
    parts = line.split("`")
    if len(parts) % 2 == 0:  # a backtick without its fellow begins no name
        return _escaped(line)
    return "`".join(
        part.replace("|", "\\|") if index % 2 else _escaped(part) for index, part in enumerate(parts)
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
