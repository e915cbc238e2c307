"""The tables of a plan and of results."""

import io
from pathlib import Path

import pytest

from ablations.cli.printing import SafeConsole
from ablations.cli.tables import MANY_JOBS, print_plan, print_results
from ablations.jobs.estimate import Price
from tests.claim_journals import Trainings

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


@pytest.mark.parametrize(("most", "terminal"), [(4, True), (5, True), (4, False)])
def test_results_of_many_jobs_have_a_row_a_run_in_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, terminal: bool
):
    lab = Trainings(tmp_path)
    lab.scored("sgd", [90.0, 110.0, 100.0, float("nan")])
    lab.job("adam", 0, None, exit_="crashed", samples=None, dynamics=None)
    monkeypatch.setattr("ablations.cli.tables.MANY_JOBS", most)
    stream = io.StringIO()
    print_results(
        lab.frames(), SafeConsole(file=stream, width=110, force_terminal=terminal, color_system=None)
    )
    heading, *rows = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    if terminal and most < 5:
        assert heading == "run jobs outcomes median fd_test (N = 2,000)"
        assert rows[:2] == ["sgd 4 4 works 105.0", "adam 1 1 crashed –"]
        assert "all 5 jobs" in rows[2]
    else:
        assert heading.startswith("run seed outcome")
        assert len(rows) == 5
