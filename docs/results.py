"""Writes the verdicts and figures of docs/results.md from the exports in docs/results: python docs/results.py"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from picture import WIDTH, cropped

HERE = Path(__file__).parent
PAGE, FOLDER = HERE / "results.md", HERE / "results"
COLOURS = 128
"""Of a figure's palette."""
FIGURES = {"losses-overlaid": "losses", "samples-s0": "samples", "quality": "quality"}
"""Figures of a report, and what they are called here."""


class DataSet(NamedTuple):
    """An export, and how its report is written."""

    name: str
    words: str
    options: Sequence[str]


SETS = (
    DataSet("builtin", "built-in faces", ("--seeds", "0-7")),
    DataSet("faces", "real faces", ("--profile", "folder", "--seeds", "0-7")),
)


def report_of(one: DataSet, out: Path) -> Any:
    """The JSON of its report, whose figures are written into a folder."""
    store = FOLDER / one.name
    where = (
        "--spec",
        str(FOLDER / "runs.yaml"),
        "--store",
        str(store),
        "--out",
        str(out),
        "--no-mirror",
        "--json",
    )
    command = [sys.executable, "-m", "ablations.cli.app", "report", *one.options, *where]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def verdicts(reports: Mapping[str, Any]) -> Iterator[str]:
    """Every claim that was judged, with its verdict and the numbers on each data set."""
    source = None
    claims = {name: {claim["id"]: claim for claim in report["claims"]} for name, report in reports.items()}
    for name, first in claims[SETS[0].name].items():
        judged = [(one, claims[one.name][name]) for one in SETS if name in claims[one.name]]
        judged = [(one, claim) for one, claim in judged if claim["estimate"] is not None]
        if not judged:
            continue
        if first["source"] != source:
            source = first["source"]
            yield f"\n**{source[:1].upper()}{source[1:]}**\n" if source else "\n"
        yield f"- {first['says']}"
        for one, claim in judged:
            yield f"  - *{one.words}*: **{claim['verdict']}**. {claim['words']}"


def distances(reports: Mapping[str, Any]) -> Iterator[str]:
    """The interquartile mean of the Fréchet distance of each run."""
    yield "| run | " + " | ".join(one.words for one in SETS) + " |"
    yield "|---" * (len(SETS) + 1) + "|"
    rows = {
        name: {row["run"]: row for row in report["aggregates"]["runs"]} for name, report in reports.items()
    }
    for run in rows[SETS[0].name]:
        cells = [rows[one.name].get(run) for one in SETS]
        yield (
            f"| `{run}` | "
            + " | ".join(
                f"{row['iqm']:,.0f} ({row['iqm_low']:,.0f} to {row['iqm_high']:,.0f})" if row else "—"
                for row in cells
            )
            + " |"
        )


def with_parts(text: str, parts: Mapping[str, str]) -> str:
    """The page with new text between the marks of each part."""
    for name, part in parts.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        assert mark.search(text), f"{PAGE}: no place for {name}"
        text = mark.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)
    return text


def render(pictures: Path) -> str:
    """The page; writes the figures into a folder."""
    reports = {}
    for one in SETS:
        with tempfile.TemporaryDirectory() as folder:
            reports[one.name] = report_of(one, Path(folder))
            for figure, name in FIGURES.items():
                picture = cropped(Path(folder) / f"{figure}.png")
                picture.thumbnail((WIDTH, WIDTH))
                picture.quantize(COLOURS, kmeans=2).save(pictures / f"{one.name}-{name}.png", optimize=True)
    parts = {"verdicts": "\n".join(verdicts(reports)), "distances": "\n".join(distances(reports))}
    return with_parts(PAGE.read_text(), parts)


def main() -> None:
    PAGE.write_text(render(FOLDER))


if __name__ == "__main__":
    main()
