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
JUDGED = ("supported", "refuted", "undecided")


class DataSet(NamedTuple):
    """An export, and how its reports are written."""

    name: str
    words: str
    options: Sequence[str] = ()


class Part(NamedTuple):
    """A report on each data set: the command's options, and what its figures are called here."""

    options: Sequence[str]
    figures: Mapping[str, str]


SETS = (
    DataSet("builtin", "built-in faces"),
    DataSet("faces", "real faces", ("--profile", "folder")),
)
PARTS = {
    "runs": Part(
        ("--seeds", "0-7"), {"losses-overlaid": "losses", "samples-s0": "samples", "quality": "quality"}
    ),
    "causes": Part(
        ("--group", "why-sgd"), {"study-sgd-lr-response": "response", "ladder-sgd-baseline": "ladder"}
    ),
}


def report_of(one: DataSet, part: Part, out: Path) -> Any:
    """The JSON of a report, whose figures are written into a folder."""
    where = ("--spec", str(FOLDER / "runs.yaml"), "--store", str(FOLDER / one.name), "--out", str(out))
    options = (*one.options, *part.options, *where, "--no-mirror", "--json")
    command = [sys.executable, "-m", "ablations.cli.app", "report", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def judged(reports: Sequence[Any]) -> dict[str, Any]:
    """Every claim by name, from the first report that judges it."""
    found: dict[str, Any] = {}
    for claim in (claim for report in reports for claim in report["claims"]):
        if claim["verdict"] in JUDGED:
            found.setdefault(claim["id"], claim)
    return found


def verdicts(claims: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every claim that has its source in the report, with its verdict and the numbers on each data set."""
    source = None
    for name, first in claims[SETS[0].name].items():
        if not first["source"].startswith("the report"):
            continue
        if first["source"] != source:
            source = first["source"]
            yield f"\n**{source[:1].upper()}{source[1:]}**\n"
        yield f"- {first['says']}"
        for one in SETS:
            if claim := claims[one.name].get(name):
                yield f"  - *{one.words}*: **{claim['verdict']}**. {claim['words']}"


def others(claims: Mapping[str, Mapping[str, Any]], *, causes: bool) -> Iterator[str]:
    """Every claim that has not, in a table: those on causes, or the rest."""
    yield "| claim | says | " + " | ".join(one.words for one in SETS) + " |"
    yield "|---" * (len(SETS) + 2) + "|"
    for name, first in claims[SETS[0].name].items():
        if not first["source"].startswith("the report") and name.startswith("why-") is causes:
            cells = [_cell(claims[one.name].get(name)) for one in SETS]
            yield f"| `{name}` | {first['says']} | " + " | ".join(cells) + " |"


def _cell(claim: Any) -> str:
    """A verdict with the share of the gap, or the ratio, its interval and the seeds."""
    if claim is None:
        return "—"
    word = f"**{claim['verdict']}**"
    if claim["estimate"] is None:
        return word
    estimate, low, high = (
        f"{round(100 * float(share)):,}%".replace("-", "−")
        for share in (claim["estimate"], *claim["interval"])
    )
    seeds = ", ".join(dict.fromkeys(str(count) for count in claim["n"].values()))
    return f"{word}: {estimate} ({low} to {high}; {seeds} seeds)"


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
    reports: dict[str, dict[str, Any]] = {one.name: {} for one in SETS}
    for one in SETS:
        for name, part in PARTS.items():
            with tempfile.TemporaryDirectory() as folder:
                reports[one.name][name] = report_of(one, part, Path(folder))
                for figure, short in part.figures.items():
                    if not (Path(folder) / f"{figure}.png").exists():  # nothing was trained for it
                        continue
                    picture = cropped(Path(folder) / f"{figure}.png")
                    picture.thumbnail((WIDTH, WIDTH))
                    target = pictures / f"{one.name}-{short}.png"
                    picture.quantize(COLOURS, kmeans=2).save(target, optimize=True)
    claims = {name: judged([*own.values()]) for name, own in reports.items()}
    tables = {
        "distances": distances({name: own["runs"] for name, own in reports.items()}),
        "verdicts": verdicts(claims),
        "rates": others(claims, causes=False),
        "causes": others(claims, causes=True),
    }
    return with_parts(PAGE.read_text(), {name: "\n".join(lines) for name, lines in tables.items()})


def main() -> None:
    PAGE.write_text(render(FOLDER))


if __name__ == "__main__":
    main()
