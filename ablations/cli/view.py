"""The terminal while jobs run: a live line per job, or plain lines where nobody watches."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ablations.executors.loop import Watcher
from ablations.jobs.context import Progress as JobProgress
from ablations.jobs.plan import Job
from ablations.store.history import History
from fakeface.gan.series import IMAGES_PER_SECOND, LOSS_D, LOSS_G
from fakeface.outcomes import Dynamics, Exit, Samples

PLAIN_SECONDS = 15.0
"""Seconds between two plain lines of one job."""

STYLES: Mapping[str, str] = {
    Exit.FINISHED: "green", Samples.HEALTHY: "green", Dynamics.BALANCED: "green",
    Exit.DIVERGED: "red", Exit.CRASHED: "bold red", Exit.INTERRUPTED: "yellow", Exit.PRUNED: "yellow",
    Exit.REFUSED: "yellow",
    Samples.NOISE: "red", Samples.COLLAPSED: "red", Dynamics.DISCRIMINATOR_WON: "magenta", Dynamics.STALLED: "magenta",
}  # fmt: skip


class View(Watcher, Protocol):
    """A `Watcher` that is a context manager and prints lines."""

    def __enter__(self) -> "View": ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...
    def expect(self, count: int) -> None:
        """It is known now how many jobs there will be, at most."""

    def say(self, text: str) -> None:
        """A line for the reader."""

    def say_soon(self, text: str) -> None:
        """The same from a signal handler, which may have come in the middle of a write: told at the next event."""


def outcome_words(exit_: str, history: History | None) -> list[str]:
    """The outcome's words that are known: exit, samples, dynamics."""
    outcome = history.outcome if history else None
    if outcome is None:
        return [exit_]
    return [exit_, *(outcome[key] for key in ("samples", "dynamics") if outcome[key])]


def coloured(words: list[str]) -> str:
    """Outcome words as rich markup."""
    return ", ".join(f"[{STYLES[w]}]{w}[/]" if w in STYLES else w for w in words)


def _scores(history: History | None) -> str:
    if history is None or not history.series:
        return ""
    final = history.final_metrics()
    shown = [f"{name} {final[name]:.3f}" for name in (LOSS_D, LOSS_G) if name in final]
    last = history.last_evaluation()
    if last is not None:
        shown.append(f"{last['metric']} {last['values'][last['metric']]:.1f}")
    return "  ".join(shown)


def end_line(job: Job, exit_: str, history: History | None, why: str) -> str:
    """The line that stays when a job has ended, as rich markup."""
    line = f"[bold]{job.name}[/]  {coloured(outcome_words(exit_, history))}  {_scores(history)}"
    return f"{line}\n  {escape(why)}" if why else line


class _Soon:
    """Lines from a signal handler, kept until the view is called outside of one."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()

    def say_soon(self, text: str) -> None:
        self._lines.append(text)

    def catch_up(self, say: Callable[[str], None]) -> None:
        while self._lines:
            say(self._lines.popleft())


class LiveView(_Soon):
    """A bar per running job and one for all; ended jobs stay as lines above them."""

    def __init__(self, console: Console, count: int) -> None:
        super().__init__()
        self.console = console
        self.bars = Progress(
            TextColumn("[bold]{task.description:<14}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self.total = self.bars.add_task("all jobs", total=count, words="")
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "LiveView":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def progress(self, progress: JobProgress) -> None:
        self.catch_up(self.say)
        if progress.phase == "diagnosed":
            return
        name = progress.job.name
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, total=progress.total_steps, words="")
        words = _moving_words(progress)
        if words:
            self.bars.update(self.tasks[name], completed=progress.step, words=words)

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        self.catch_up(self.say)
        if job.name in self.tasks:
            self.bars.remove_task(self.tasks.pop(job.name))
        self.bars.advance(self.total)
        self.console.print(end_line(job, exit_, history, why))

    def expect(self, count: int) -> None:
        self.bars.update(self.total, total=count)

    def say(self, text: str) -> None:
        self.console.print(text)


class PlainView(_Soon):
    """Lines only, for logs and pipes: at most one each PLAIN_SECONDS for a job, and one when it ends."""

    def __init__(self, console: Console, count: int) -> None:
        super().__init__()
        self.console, self.count, self.done = console, count, 0
        self.shown: dict[str, float] = {}

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, progress: JobProgress) -> None:
        self.catch_up(self.say)
        name, now = progress.job.name, time.monotonic()
        if progress.phase == "training" and now - self.shown.get(name, 0.0) > PLAIN_SECONDS:
            self.shown[name] = now
            self.say(f"{name}  step {progress.step}/{progress.total_steps}  {_moving_words(progress)}")

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        self.catch_up(self.say)
        self.done += 1
        self.say(f"({self.done}/{self.count}) {end_line(job, exit_, history, why)}")

    def expect(self, count: int) -> None:
        self.count = count

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)


def _moving_words(progress: JobProgress) -> str:
    if progress.phase != "training":
        return progress.phase
    metrics = progress.metrics
    losses = "  ".join(f"{name} {metrics[name]:.3f}" for name in (LOSS_D, LOSS_G))
    return f"{losses}  {metrics[IMAGES_PER_SECOND]:.0f} images/s"


def make_view(console: Console, count: int) -> View:
    """A live view in a terminal, a plain one elsewhere."""
    return LiveView(console, count) if console.is_terminal else PlainView(console, count)
