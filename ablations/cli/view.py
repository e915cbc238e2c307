"""The terminal while jobs run: a bar per job, or plain lines where the output is no terminal."""

import time
from collections import deque
from collections.abc import Mapping, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from ablations.cli.printing import SafeConsole, styled
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress as JobProgress
from ablations.spec.run_names import short_name
from ablations.store.history import History
from fakeface.gan.series import IMAGES_PER_SECOND, LOSS_D, LOSS_G
from fakeface.outcomes import Dynamics, Exit, Regime, Samples, regime_of
from fakeface.terminal import printable

PLAIN_SECONDS = 15.0
"""Seconds between two plain lines of one job."""

STYLES: Mapping[str, str] = {
    Exit.FINISHED: "green", Regime.WORKS: "green", Samples.HEALTHY: "green", Dynamics.BALANCED: "green",
    Exit.DIVERGED: "red", Exit.CRASHED: "bold red", Exit.INTERRUPTED: "yellow", Exit.PRUNED: "yellow",
    Exit.REFUSED: "yellow", Exit.UNKNOWN: "yellow", Exit.UNREADABLE: "red",
    Samples.NOISE: "red", Samples.COLLAPSED: "red", Dynamics.DISCRIMINATOR_WON: "magenta", Dynamics.STALLED: "magenta",
}  # fmt: skip


def coloured(words: Sequence[str]) -> Text:
    """Outcome words, styled."""
    return Text(", ").join(Text(word, STYLES.get(word, "")) for word in words)


def in_a_word(exit_: str, samples: str | None, dynamics: str | None) -> str:
    """The outcome of a job that has ended, or how far it has come, for a narrow place."""
    regime = regime_of(exit_, samples, dynamics)
    return exit_ if regime == Regime.UNKNOWN else regime


class View:
    """A `Watcher` that prints plain lines: at most one each PLAIN_SECONDS for a job, and one when it ends.

    Use as a context manager.
    """

    def __init__(self, console: SafeConsole, count: int) -> None:
        self.console, self.count, self.done = console, count, 0
        self._shown: dict[str, float] = {}
        self._delayed: deque[Text] = deque()

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def expect(self, count: int) -> None:
        """Set the number of jobs that are left, as an upper bound."""
        self.count = self.done + count

    def say_soon(self, text: str) -> None:
        """Print a line (see `styled`) at the next event. For signal handlers, which may interrupt a write."""
        self._delayed.append(styled(text))

    def progress(self, progress: JobProgress) -> None:
        """See `Watcher.progress`."""
        self._say_delayed()
        name, now = progress.job.name, time.monotonic()
        if progress.phase == "training" and now - self._shown.get(name, 0.0) > PLAIN_SECONDS:
            self._shown[name] = now
            where = f"step {progress.step}/{progress.total_steps}"
            self._say(styled("{}  {}  {}", name, where, _progress_words(progress)))

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        """See `Watcher.ended`."""
        self._say_delayed()
        self.done += 1
        self._say(Text(f"({self.done}/{self.count}) ") + _end_lines(job, exit_, history, why))

    def _say_delayed(self) -> None:
        while self._delayed:
            self._say(self._delayed.popleft())

    def _say(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


class LiveView(View):
    """A bar per running job and one for all; jobs that ended stay as lines above them."""

    def __init__(self, console: SafeConsole, count: int) -> None:
        super().__init__(console, count)
        self.bars = Progress(
            TextColumn("{task.description:<14}", style="bold", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}", markup=False),
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

    def expect(self, count: int) -> None:
        super().expect(count)
        self.bars.update(self.total, total=self.count)

    def progress(self, progress: JobProgress) -> None:
        self._say_delayed()
        if progress.phase == "diagnosed":
            return
        job, name = progress.job, progress.job.name
        if name not in self.tasks:
            shown = f"{short_name(job.run)}-s{job.seed}"
            self.tasks[name] = self.bars.add_task(shown, total=progress.total_steps, words="")
        self.bars.update(self.tasks[name], completed=progress.step, words=_progress_words(progress))

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        self._say_delayed()
        if job.name in self.tasks:
            self.bars.remove_task(self.tasks.pop(job.name))
        self.done += 1
        self.bars.advance(self.total)
        self._say(_end_lines(job, exit_, history, why))


def make_view(console: SafeConsole, count: int) -> View:
    """A live view in a terminal, a plain one elsewhere."""
    return LiveView(console, count) if console.is_terminal else View(console, count)


def _progress_words(progress: JobProgress) -> str:
    if progress.phase != "training":
        return progress.phase
    metrics = progress.metrics
    losses = "  ".join(f"{name} {metrics[name]:.3f}" for name in (LOSS_D, LOSS_G))
    return f"{losses}  {metrics[IMAGES_PER_SECOND]:.0f} images/s"


def _end_lines(job: Job, exit_: str, history: History | None, why: str) -> Text:
    """How a job ended: outcome, final losses, score; below it an explanation, if there is one."""
    outcome = (history.outcome if history else None) or {}
    words = [exit_, *(outcome[key] for key in ("samples", "dynamics") if outcome.get(key))]
    line = Text.assemble((job.name, "bold"), "  ", coloured(words), "  ", _scores(history))
    return Text.assemble(line, "\n  ", printable(why)) if why else line


def _scores(history: History | None) -> str:
    if history is None or not history.series:
        return ""
    final = history.final_metrics()
    shown = [f"{name} {final[name]:.3f}" for name in (LOSS_D, LOSS_G) if name in final]
    last = history.last_evaluation()
    if last is not None:
        shown.append(f"{last['metric']} {last['values'][last['metric']]:.1f}")
    return "  ".join(shown)
