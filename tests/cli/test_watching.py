"""`ablate status --watch`."""

import io
from collections.abc import Iterator

import pytest

from ablations.cli.options import Selectors
from ablations.cli.printing import SafeConsole
from ablations.cli.watching import watch
from ablations.store import job_lock
from tests.cli.conftest import RUNS, Place

pytestmark = pytest.mark.slow


@pytest.fixture
def running(trained: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The job of `sgd` runs, until `finish` is called."""
    path = trained.job("sgd-s0") / "journal.jsonl"
    whole = path.read_text()
    lines = [line for line in whole.splitlines(keepends=True) if '"kind":"outcome"' not in line]
    assert len(lines) == len(whole.splitlines()) - 1
    path.write_text("".join(lines))
    lock = job_lock(path.parent)

    def finish(_: float) -> None:
        path.write_text(whole)
        lock.release()

    monkeypatch.chdir(trained.folder)
    monkeypatch.setattr(trained, "finish", finish, raising=False)
    with lock:
        yield trained


def watched(place: Place, *, terminal: bool, width: int = 100, height: int = 40) -> str:
    _, jobs, store = Selectors().select()
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=width, height=height, force_terminal=terminal, color_system=None)
    watch(jobs, store, console, sleep=place.finish)  # type: ignore[attr-defined]
    return stream.getvalue()


def test_a_pipe_gets_the_table_and_a_line_for_each_change(running: Place):
    lines = watched(running, terminal=False).splitlines()
    assert [line.split()[0] for line in lines[1:5]] == RUNS
    assert "running" in lines[3]
    assert lines[-2].startswith("sgd-s0  finished, noise")
    assert lines[-1] == "No job is running."


def test_a_terminal_shows_the_table_until_no_job_is_running(running: Place):
    text = watched(running, terminal=True)
    before, after = text.split("3 finished, 1 running")
    assert "running" in before
    assert "4 finished" in after
    assert text.rstrip().endswith("No job is running.")


def test_a_low_terminal_shows_the_jobs_that_run(running: Place):
    first = watched(running, terminal=True, height=8).split("3 finished, 1 running")[0]
    assert "sgd" in first
    assert "baseline" not in first


def test_ctrl_c_ends_it_and_json_is_refused(running: Place):
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    running.finish = interrupt  # type: ignore[attr-defined]
    assert "running" in watched(running, terminal=False)
    assert "--watch: not with --json" in running("status", "--watch", "--json", check=2).stderr
