"""Plans, results and studies as tables in the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from ablations.cli.printing import SafeConsole
from ablations.cli.view import coloured
from ablations.jobs.estimate import Price
from ablations.jobs.plan import Job
from ablations.jobs.status import Status, results_of
from ablations.spec.run_names import short_name
from ablations.store import Store
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.quality import quality_name
from analysis.frames.studies import StudyResult
from analysis.report.study_words import study_words
from analysis.report.table import headings, summary_rows
from fakeface.terminal import printable

if TYPE_CHECKING:
    from ablations.jobs.profiling import Part

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


def print_plan(rows: Sequence[dict[str, Any]], price: Price, console: SafeConsole) -> None:
    """The plan as a table, and what is left of it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "seed", "identity", "steps", "expected", "state"):
        table.add_column(column, justify="right" if column in ("seed", "steps", "expected") else "left")
    for row in rows:
        state = Text(row["state"], STATUS_STYLES.get(row["state"], ""))
        detail = f": {printable(row['detail'])}" if row["detail"] else ""
        table.add_row(
            short_name(row["run"]), str(row["seed"]), (row["identity"] or "—")[:12], str(row["steps"] or "—"),
            duration(row["expected_seconds"]), Text.assemble(state, detail),
        )  # fmt: skip
    console.print(table)
    if price.jobs:
        console.say("{} of {} jobs to train or score{}", price.jobs, len(rows), _price_words(price))


def _price_words(price: Price) -> str:
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
    share = f" ({took / price.makespan - 1:+.0%})" if price.makespan else ""
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("part", "share", "seconds", "ms a step"):
        table.add_column(column, justify="left" if column == "part" else "right")
    for part in parts:
        table.add_row(part.name, f"{part.share:.1%}", f"{part.seconds:.2f}", f"{1000 * part.per_step:.2f}")
    console.print(table)


def print_results(frames: Frames, console: SafeConsole) -> None:
    """The table of results, as the report has it: run, outcome, final losses, Fréchet distance."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in headings(quality_name(frames)):
        left = name in ("run", "outcome")
        table.add_column(name, justify="left" if left else "right", no_wrap=name in ("run", "seed"))
    for row in summary_rows(frames):
        run, seed, _, *numbers = row.cells()
        table.add_row(short_name(run), seed, coloured(list(row.outcome)), *numbers)
    console.print(table)


def print_study(study: StudyResult, further: Sequence[StudyResult], console: SafeConsole) -> None:
    """The best setting and the reference, seed by seed, and what the study found, in sentences.

    Args:
        further: its further searches.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "params", "seed", "outcome", study.metric):
        table.add_column(column, justify="right" if column in ("seed", study.metric) else "left")
    for found in filter(None, [part for one in (study, *further) for part in (one.best, one.reference)]):
        params = ", ".join(
            f"{path} {value:g}" if isinstance(value, float) else f"{path} {value}"
            for path, value in found.params.items()
        )
        for index, result in enumerate(found.results):
            words: list[str] = [word for word in (result.exit, result.samples, result.dynamics) if word]
            value = "—" if result.quality is None else f"{result.quality:,.1f}"
            named = ("", "") if index else (found.name, params)
            table.add_row(*named, str(result.seed), coloured(words), value)
    console.print()
    console.print(table)
    for sentence in study_words(study, further):
        console.say("- {}", sentence)
    console.say(f"- Slots for jobs were empty {study.idle_share:.0%} of the time.")


def duration(seconds: float | None) -> str:
    """An expected time in words: `~2 min`."""
    if not seconds:
        return "—"
    if seconds < 90:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 5400 else f"~{seconds / 3600:.1f} h"
