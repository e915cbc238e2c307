"""Plans, results and studies as tables in the terminal."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Group
from rich.text import Text

from ablations.cli.columns import Column, fitting_table, print_table
from ablations.cli.printing import SafeConsole
from ablations.cli.view import STYLES, coloured, in_a_word
from ablations.jobs.estimate import Price
from ablations.jobs.plan import Job
from ablations.jobs.status import Status, results_of
from ablations.spec.run_names import short_name
from ablations.store import Store
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.quality import quality_name
from analysis.frames.studies import StudyResult
from analysis.report.study_words import study_words
from analysis.report.table import Row, headings, summary_rows
from analysis.wording import number
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.scores import ScoreKind
from fakeface.terminal import printable

if TYPE_CHECKING:
    from ablations.jobs.profiling import Part

T = TypeVar("T")

STATUS_STYLES: Mapping[str, str] = {
    Status.DONE: "green",
    Status.NEW: "cyan",
    Status.RERUN: "cyan",
    Status.RESUMABLE: "yellow",
    Status.STALE: "yellow",
    Status.RUNNING: "blue",
    Status.UNKNOWN: "yellow",
    Status.UNREADABLE: "red",
    Status.DATA_MISSING: "yellow",
}


LONG_DETAIL = 40
"""Characters of a job's details from which on a terminal has them below the table, once for all seeds."""

MANY_JOBS = 200
"""Jobs up to which a terminal has a row for each, and above which one for each run."""

TELLING = 60.0
"""Seconds that a plan expects from which on a percentage says how good that was: below, starting takes most of it."""

A_ROW_A_RUN = "[dim]A row a run; `--json`, or a file or pipe for the output, has all {} jobs.[/]"


def _state(row: Mapping[str, Any], detail: str) -> Text:
    style = STATUS_STYLES.get(row["state"], "")
    return Text.assemble((row["state"], style), f": {printable(detail)}" if detail else "")


def print_plan(rows: Sequence[dict[str, Any]], price: Price, console: SafeConsole) -> None:
    """The plan as a table, and what is left of it."""
    below = {row["detail"] for row in rows if console.is_terminal and len(row["detail"]) > LONG_DETAIL}
    many = console.is_terminal and len(rows) > MANY_JOBS
    print_table(_runs_of(rows) if many else _jobs_of(rows, below), console)
    if many:
        console.note(A_ROW_A_RUN, f"{len(rows):,}")
    explained = {(row["run"], row["detail"]): row for row in rows if row["detail"] in below}
    for (run, detail), row in explained.items():
        console.print(Text.assemble((short_name(run), "bold"), "  ", _state(row, detail)))
    if price.jobs:
        console.print(plan_words(price, len(rows)))


def _jobs_of(rows: Sequence[dict[str, Any]], below: Container[str]) -> list[Column]:
    states = [_state(row, "" if row["detail"] in below else row["detail"]) for row in rows]
    return [
        Column("run", [short_name(row["run"]) for row in rows]),
        Column("seed", [str(row["seed"]) for row in rows], right=True),
        Column("identity", [(row["identity"] or "—")[:12] for row in rows], rank=3),
        Column("steps", [str(row["steps"] or "—") for row in rows], right=True, rank=2),
        Column("expected", [duration(row["expected_seconds"]) for row in rows], right=True, rank=1),
        Column("state", states, sentences=True),
    ]


def _runs_of(rows: Sequence[dict[str, Any]]) -> list[Column]:
    runs = _by_run(rows, itemgetter("run"))
    states = [_counted([row["state"] for row in jobs], STATUS_STYLES) for jobs in runs.values()]
    expected = [duration(sum(row["expected_seconds"] or 0.0 for row in jobs)) for jobs in runs.values()]
    return [
        Column("run", [short_name(run) for run in runs]),
        Column("jobs", [str(len(jobs)) for jobs in runs.values()], right=True),
        Column("expected", expected, right=True, rank=1),
        Column("state", states, sentences=True),
    ]


def _by_run(rows: Sequence[T], run_of: Callable[[T], str]) -> dict[str, list[T]]:
    runs: dict[str, list[T]] = defaultdict(list)
    for row in rows:
        runs[run_of(row)].append(row)
    return runs


def _counted(words: Sequence[str], styles: Mapping[str, str]) -> Text:
    counts = Counter(words).items()
    return Text(", ").join(Text(f"{count:,} {word}", styles.get(word, "")) for word, count in counts)


def plan_words(price: Price, count: int) -> str:
    """How many of so many jobs are left, and how long they take."""
    return f"{price.jobs} of {count} jobs to train or score{price_words(price)}"


def price_words(price: Price) -> str:
    if price.seconds is None or price.makespan is None:
        return f": no time is known, since nothing of this size has been trained on {price.device} here"
    words = f", {duration(price.seconds)} on {price.device}"
    if price.slots > 1:
        words += f", {duration(price.makespan)} with {price.slots} side by side"
    how = "" if price.measured else " (a rule of thumb: nothing of this size has been trained here yet)"
    return words + how


def comparison(price: Price, took: float) -> str:
    """What a run took, and what its plan expected."""
    fact = f"These jobs took {duration(took).removeprefix('~')}"
    if price.makespan is None:
        return f"{fact}; the next plan knows how long such jobs take"
    how = "" if price.measured else " by a rule of thumb"
    telling = price.measured and price.makespan >= TELLING
    share = f" ({took / price.makespan - 1:+.0%})" if telling else ""
    return f"{fact}; the plan expected {duration(price.makespan)}{how}{share}"


def frames_of(jobs: Sequence[Job], store: Store) -> Frames:
    """What the journals of the jobs say; a job without a folder has not begun."""
    selections = [
        Selected(
            job.run,
            job.seed,
            results_of(job, store) or store.jobs / f"{job.plain}-s{job.seed}-not-begun",
            {kind: protocol.identity for kind, protocol in job.protocols.items()},
        )
        for job in jobs
    ]
    return load(selections, store.history)


def print_profile(parts: "Sequence[Part]", console: SafeConsole) -> None:
    """Where the time of jobs went, as a table."""
    print_table(
        [
            Column("part", [part.name for part in parts]),
            Column("share", [f"{part.share:.1%}" for part in parts], right=True),
            Column("seconds", [f"{part.seconds:.2f}" for part in parts], right=True),
            Column("ms a step", [f"{1000 * part.per_step:.2f}" for part in parts], right=True),
        ],
        console,
    )


RANKS = {"minutes": 6, "D(G(z))": 5, "D(x)": 4, LOSS_G: 3, LOSS_D: 2, "steps": 1}
"""Columns of the table of results that a narrow terminal does not show, the last one first."""


def print_results(frames: Frames, console: SafeConsole) -> None:
    """The table of results, as the report has it: run, outcome, final losses, Fréchet distance."""
    rows = summary_rows(frames)
    if console.is_terminal and len(rows) > MANY_JOBS:
        print_table(_results_of_runs(rows, quality_name(frames)), console)
        console.note(A_ROW_A_RUN, f"{len(rows):,}")
    else:
        console.print(results_table(frames, rows, console), crop=False)


def _results_of_runs(rows: Sequence[Row], quality: str) -> list[Column]:
    runs = _by_run(rows, attrgetter("run"))
    outcomes = [
        _counted([in_a_word(row.exit, row.samples, row.dynamics) for row in jobs], STYLES)
        for jobs in runs.values()
    ]
    values = [[row.quality for row in jobs if row.quality is not None] for jobs in runs.values()]
    medians = [
        median(math.inf if math.isnan(one) else one for one in found) if found else None for found in values
    ]
    return [
        Column("run", [short_name(run) for run in runs]),
        Column("jobs", [f"{len(jobs):,}" for jobs in runs.values()], right=True, rank=1),
        Column("outcomes", outcomes, sentences=True),
        Column(f"median {quality}", [*map(number, medians)], right=True, brief_name="median"),
    ]


def print_evidence(frames: Frames, console: SafeConsole) -> None:
    """Why each job has the words of its outcome."""
    for row in summary_rows(frames):
        if row.evidence:
            console.print()
            console.print(Text(f"{short_name(row.run)}-s{row.seed}", "bold"))
        for part, words in row.evidence.items():
            word = {"exit": row.exit, "samples": row.samples, "dynamics": row.dynamics}[part]
            console.print(Text.assemble("  ", coloured([word or part]), f": {printable(words)}"))


def results_table(frames: Frames, rows: Sequence[Row], console: SafeConsole) -> Group:
    """The rows of the table of results."""
    quality = quality_name(frames)
    columns = []
    for name, *cells in zip(headings(quality), *(row.cells() for row in rows), strict=True):
        column = Column(name, cells, right=True, rank=RANKS.get(name, 0))
        if name == "run":
            column = Column(name, [short_name(cell) for cell in cells])
        elif name == "outcome":
            briefly = [coloured([in_a_word(row.exit, row.samples, row.dynamics)]) for row in rows]
            column = Column(name, [coloured(row.outcome) for row in rows], brief_cells=briefly)
        elif name == quality and frames.scores(ScoreKind.FINAL).compared:
            column = replace(column, brief_name="distance")
        columns.append(column)
    return fitting_table(columns, console)


def print_study(study: StudyResult, further: Sequence[StudyResult], console: SafeConsole) -> None:
    """The best setting and the reference, seed by seed, and what the study found, in sentences.

    Args:
        further: its further searches.
    """
    rows: list[tuple[str, str, str, Text, str]] = []
    for found in filter(None, [part for one in (study, *further) for part in (one.best, one.reference)]):
        params = ", ".join(
            f"{path} {value:g}" if isinstance(value, float) else f"{path} {value}"
            for path, value in found.params.items()
        )
        for index, result in enumerate(found.results):
            words: list[str] = [word for word in (result.exit, result.samples, result.dynamics) if word]
            value = "—" if result.quality is None else f"{result.quality:,.1f}"
            named = ("", "") if index else (found.name, params)
            rows.append((*named, str(result.seed), coloured(words), value))
    settings, params_, seeds, outcomes, values = zip(*rows, strict=True) if rows else ((),) * 5
    console.print()
    print_table(
        [
            Column("setting", settings),
            Column("params", params_, sentences=True),
            Column("seed", seeds, right=True),
            Column("outcome", outcomes, rank=1),
            Column(study.metric, values, right=True, brief_name="distance"),
        ],
        console,
    )
    for sentence in study_words(study, further):
        console.say("- {}", sentence, wrap=True)
    console.say(f"- Slots for jobs were empty {study.idle_share:.0%} of the time.", wrap=True)


def duration(seconds: float | None) -> str:
    """An expected time in words: `~2 min`."""
    if not seconds:
        return "—"
    if seconds < 90:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 5400 else f"~{seconds / 3600:.1f} h"
