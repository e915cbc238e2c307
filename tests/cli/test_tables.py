"""The table of a plan."""

import io

import pytest

from ablations.cli.printing import SafeConsole
from ablations.cli.tables import MANY_JOBS, print_plan
from ablations.jobs.estimate import Price

NOTHING_LEFT = Price("cpu", 0, 1, 0.0, 0.0, measured=True)


def lines(jobs: int, *, terminal: bool) -> list[str]:
    """The plan of so many jobs of two runs by turns, of which the last one is new."""
    rows = [
        {
            "run": ("sgd", "adam")[number % 2],
            "seed": number // 2,
            "identity": "0" * 64,
            "steps": 400,
            "expected_seconds": 0.0 if number + 1 < jobs else 60.0,
            "state": "done" if number + 1 < jobs else "new",
            "detail": "",
        }
        for number in range(jobs)
    ]
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=110, force_terminal=terminal, color_system=None)
    print_plan(rows, NOTHING_LEFT, console)
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_a_plan_of_many_jobs_has_a_row_a_run_in_a_terminal():
    heading, *runs, note = lines(MANY_JOBS + 2, terminal=True)
    assert heading == "run jobs expected state"
    assert runs == ["sgd 101 — 101 done", "adam 101 ~60 s 100 done, 1 new"]
    assert "--json" in note and "202 jobs" in note


@pytest.mark.parametrize(("jobs", "terminal"), [(MANY_JOBS, True), (MANY_JOBS + 2, False)])
def test_a_plan_of_fewer_jobs_or_outside_of_a_terminal_has_a_row_a_job(jobs: int, terminal: bool):
    heading, *found = lines(jobs, terminal=terminal)
    assert heading.split() == ["run", "seed", "identity", "steps", "expected", "state"]
    assert len(found) == jobs
