"""`ablate status --watch`: the jobs of a store while some of them run, in this or any other process."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

from rich.console import Group
from rich.live import Live
from rich.text import Text

from ablations.cli.printing import SafeConsole
from ablations.cli.tables import frames_of, results_table
from ablations.cli.view import coloured
from ablations.jobs.plan import Job
from ablations.store import Snapshot
from analysis.report.table import Row, summary_rows
from fakeface.outcomes import Exit

LEAST_SECONDS = 2.0
"""Between two looks; longer where a look takes long."""
FREE_LINES = 6
"""Of the terminal: the heading, what was left out, the summary, the prompt."""


def watch(
    jobs: Sequence[Job], store: Snapshot, console: SafeConsole, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Show the table of results until Ctrl-C or until no job is running: in place in a terminal, else a line for each
    job whose outcome changes.
    """
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    before: dict[tuple[str, int], Row] = {}
    with suppress(KeyboardInterrupt), live or nullcontext():
        while True:
            began = time.monotonic()
            frames = frames_of(jobs, store)
            rows = summary_rows(frames)
            runs = any(row.exit == Exit.RUNNING for row in rows)
            if live is not None:
                shown = _fitting(rows, before, console.height - FREE_LINES) if runs else rows
                live.update(Group(results_table(frames, shown, console), _summary(rows)), refresh=True)
            elif not before:
                console.print(results_table(frames, rows, console), crop=False)
            else:
                for row in rows:
                    if row.outcome != before[row.run, row.seed].outcome:
                        _say(row, console)
            before = {(row.run, row.seed): row for row in rows}
            if not runs:
                break
            sleep(max(LEAST_SECONDS, 5 * (time.monotonic() - began)))
            store = store.refreshed()
    if before and not any(row.exit == Exit.RUNNING for row in before.values()):
        console.note("No job is running.")


def _fitting(rows: Sequence[Row], before: dict[tuple[str, int], Row], most: int) -> Sequence[Row]:
    """All rows or, if these are too many for the terminal, those that run or ran a moment ago."""
    if len(rows) <= most:
        return rows
    active = [row for row in rows if Exit.RUNNING in (row.exit, before.get((row.run, row.seed), row).exit)]
    return active[: max(1, most)]


def _summary(rows: Sequence[Row]) -> Text:
    counts = Counter(row.exit for row in rows)
    words = ", ".join(f"{count} {exit_}" for exit_, count in counts.most_common())
    return Text(f"{len(rows)} jobs: {words}  ({time.strftime('%H:%M:%S')})", "dim")


def _say(row: Row, console: SafeConsole) -> None:
    console.print(
        Text.assemble((f"{row.run}-s{row.seed}", "bold"), "  ", coloured(row.outcome)), soft_wrap=True
    )
