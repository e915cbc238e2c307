"""The terminal while jobs run."""

import io
from types import SimpleNamespace
from typing import Any

import pytest

from ablations.cli import printing
from ablations.cli.printing import SafeConsole
from ablations.cli.time_left import TimeLeft, clock_words
from ablations.cli.view import LiveView, View, make_view
from ablations.jobs.progress import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_the_plan_s_at_first_and_then_what_the_jobs_show():
    clock = Clock()
    left = TimeLeft(4, {f"a-s{seed}": 30.0 for seed in range(4)}, makespan=60.0, clock=clock)
    assert left.seconds() == 60
    clock.now += 10
    assert left.seconds() == 50, "it counts down before the first report"
    left.progress("a-s0", 0.1)
    left.progress("a-s1", 0.1)
    for share in (0.3, 0.5):  # each of the two takes 100 s, not 30
        clock.now += 20
        left.progress("a-s0", share)
        left.progress("a-s1", share)
    assert left.seconds() == pytest.approx(140, abs=1), "4/9 of two of four jobs in 40 s"
    clock.now += 5
    assert left.seconds() == pytest.approx(135, abs=1)
    for name in ("a-s0", "a-s1", "a-s2", "a-s3"):
        left.end(name)
    assert left.seconds() == 0


def test_without_a_plan_the_time_left_is_there_from_the_second_report_on():
    clock = Clock()
    left = TimeLeft(2, {}, clock=clock)
    left.begin("a")
    assert left.seconds() is None
    left.progress("a", 0.5)  # resumed half-way: what it had then took no time
    clock.now += 10
    left.progress("a", 0.75)
    assert left.seconds() == pytest.approx(30), "a quarter of the work in 10 s"


def test_a_plan_that_was_too_short_is_not_shown_as_no_time():
    clock = Clock()
    left = TimeLeft(1, {"a": 3.0}, makespan=3.0, clock=clock)
    clock.now += 5
    assert left.seconds() is None


@pytest.mark.parametrize(("seconds", "words"), [(7.2, "0:07"), (725, "12:05"), (3750, "1:02:30")])
def test_a_time_in_words(seconds: float, words: str):
    assert clock_words(seconds) == words


def job(run: str = "sgd-tuned-tenth-data", seed: int = 0) -> Any:
    return SimpleNamespace(run=run, seed=seed, name=f"{run}-s{seed}", total_steps=40_000, identity="0" * 64)


def progress(step: int) -> Progress:
    metrics = {"Loss_D": 0.25, "Loss_G": 2.5, "images_per_second": 1234.0}
    return Progress(job(), step, 40_000, "training", metrics)


@pytest.mark.parametrize(
    ("width", "words"), [(60, "training"), (80, "training"), (100, "Loss_G 2.500"), (120, "1234 images/s")]
)
def test_a_narrow_terminal_keeps_name_step_and_time_left(width: int, words: str):
    stream, clock = io.StringIO(), Clock()
    console = SafeConsole(file=stream, width=width, force_terminal=True, color_system=None)
    view = LiveView(console, TimeLeft(3, {}, makespan=4000.0, clock=clock))
    view.began(job())
    view.progress(progress(100))
    console.print(view.bars.get_renderable())
    total, one = stream.getvalue().splitlines()
    assert "1:06:40 left" in total
    assert "sgd-tuned-tenth-data-s0" in one
    assert "100/40000" in one
    assert words in one
    assert max(len(total), len(one)) <= width


def test_after_ctrl_c_the_bars_show_where_it_stopped():
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=80, force_terminal=True, color_system=None)
    view = LiveView(console, TimeLeft(3))
    view.progress(progress(100))
    view.ended(job(), "interrupted", None)
    stream.truncate(0)
    console.print(view.bars.get_renderable())
    total, one = stream.getvalue().splitlines()
    assert "0/3" in total and "stopped" in total
    assert "100/40000" in one and "stopped" in one


def test_quiet_prints_only_the_jobs_with_a_problem_and_verbose_each_step():
    def printed(**amount: bool) -> str:
        stream = io.StringIO()
        printing.set_amount(**{"quiet": False, "verbose": False, **amount})
        view = make_view(SafeConsole(file=stream, width=200), TimeLeft(2))
        view.began(job())
        view.progress(progress(100))
        view.progress(Progress(job(), 100, 40_000, "diagnosed", {"spectrum": 1.5}))
        view.ended(job(), "finished", None)
        view.ended(job(seed=1), "crashed", None, "out of memory")
        return stream.getvalue()

    try:
        assert printed(quiet=True).split() == [
            "(1/2)",
            f"{job(seed=1).name}",
            "crashed",
            "out",
            "of",
            "memory",
        ]
        assert "spectrum" not in printed()
        assert "step 100: spectrum 1.5" in printed(verbose=True)
    finally:
        printing.set_amount(quiet=False, verbose=False)
    assert type(make_view(SafeConsole(file=io.StringIO()), TimeLeft(1))) is View
