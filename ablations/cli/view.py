"""The terminal while jobs run: a bar per job, or plain lines where the output is no terminal."""

import time
from collections import deque
from collections.abc import Mapping, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from ablations.cli.printing import Amount, SafeConsole, styled
from ablations.cli.time_left import TimeLeft, clock_words
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress as JobProgress
from ablations.spec.run_names import short_name
from ablations.store.history import History
from fakeface.gan.series import IMAGES_PER_SECOND, LOSS_D, LOSS_G
from fakeface.outcomes import Dynamics, Exit, Regime, Samples, regime_of
from fakeface.terminal import printable

PLAIN_SECONDS = 15.0
"""Seconds between two plain lines of one job."""
NARROW, MEDIUM, WIDE = 72, 96, 116
"""Columns of a terminal from which on bars, losses and speeds are shown."""
STEP_WIDTH, TIME_WIDTH = 11, 12
"""Of "40000/40000" and "1:02:30 left"."""

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

    def __init__(self, console: SafeConsole, left: TimeLeft) -> None:
        self.console, self.left, self.done = console, left, 0
        self._shown: dict[str, float] = {}
        self._delayed: deque[Text] = deque()

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def expect(self, count: int) -> None:
        """Set the number of jobs that are left, as an upper bound."""
        self.left.count = self.done + count

    def say_soon(self, text: str) -> None:
        """Print a line (see `styled`) at the next event. For signal handlers, which may interrupt a write."""
        self._delayed.append(styled(text))

    def began(self, job: Job) -> None:
        """See `Watcher.began`."""
        self._say_delayed()
        self.left.begin(job.name)
        self.console.detail("{} begins: {}", job.name, job.identity)

    def progress(self, progress: JobProgress) -> None:
        """See `Watcher.progress`."""
        self._say_delayed()
        name = progress.job.name
        self.console.detail("{}  step {}: {}", name, progress.step, _detail_words(progress))
        if progress.phase == "diagnosed":
            return
        self.left.progress(name, progress.step / progress.total_steps if progress.total_steps else 1.0)
        self._show(progress)

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        """See `Watcher.ended`."""
        self._say_delayed()
        self.done += 1
        self.left.end(job.name)
        # Not wrapped if it has a path or a command, which can then be copied.
        line = Text(f"({self.done}/{self.left.count}) ") + _end_lines(job, exit_, history, why)
        self.console.print(line, soft_wrap=bool(why) or not self.console.is_terminal)

    def _show(self, progress: JobProgress) -> None:
        name, now = progress.job.name, time.monotonic()
        if progress.phase == "training" and now - self._shown.get(name, 0.0) > PLAIN_SECONDS:
            self._shown[name] = now
            where = f"step {progress.step}/{progress.total_steps}"
            left = self.left.seconds()
            all_jobs = "" if left is None else f"  (all jobs: {clock_words(left)} left)"
            self._say(styled("{}  {}  {}{}", name, where, _progress_words(progress), all_jobs))

    def _say_delayed(self) -> None:
        while self._delayed:
            self._say(self._delayed.popleft())

    def _say(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


class QuietView(View):
    """Prints only the jobs that crashed or were refused."""

    def _show(self, progress: JobProgress) -> None:
        pass

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        if why:
            super().ended(job, exit_, history, why)


class LiveView(View):
    """A bar for each running job and one for all; jobs that ended stay as lines above them.

    A narrow terminal keeps the name, the step and the time left; a job that was interrupted keeps its bar.
    """

    def __init__(self, console: SafeConsole, left: TimeLeft) -> None:
        super().__init__(console, left)
        width = console.width
        bar = 24 if width >= WIDE else 12 if width >= NARROW else 0
        self._words = _progress_words if width >= WIDE else _loss_words if width >= MEDIUM else _phase_words
        rest = 41 if width >= WIDE else 27 if width >= MEDIUM else 8
        self._name_width = max(14, min(40, width - bar - rest - STEP_WIDTH - TIME_WIDTH - 3 - bool(bar)))
        self.bars = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            *([BarColumn(bar_width=bar)] if bar else []),
            MofNCompleteColumn(),
            _Left(),
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
        )
        self.total = self.bars.add_task("all jobs", total=left.count, words="", seconds=left.seconds)
        self.tasks: dict[str, TaskID] = {}
        self._jobs_left: dict[str, TimeLeft] = {}

    def __enter__(self) -> "LiveView":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def expect(self, count: int) -> None:
        super().expect(count)
        self.bars.update(self.total, total=self.left.count)

    def began(self, job: Job) -> None:
        super().began(job)
        if job.name not in self.tasks:
            own = self._jobs_left[job.name] = TimeLeft(1)
            self.tasks[job.name] = self.bars.add_task(
                self._short(job), total=job.total_steps, words="starting", seconds=own.seconds
            )

    def _show(self, progress: JobProgress) -> None:
        name = progress.job.name
        if name not in self.tasks:
            self.began(progress.job)
        self._jobs_left[name].progress(name, progress.step / (progress.total_steps or 1))
        self.bars.update(
            self.tasks[name],
            completed=progress.step,
            total=progress.total_steps,
            words=self._words(progress),
        )

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        super().ended(job, exit_, history, why)
        stopped = exit_ == Exit.INTERRUPTED
        if job.name in self.tasks and not stopped:
            self.bars.remove_task(self.tasks.pop(job.name))
        elif job.name in self.tasks:
            self.bars.update(self.tasks[job.name], words="stopped", seconds=None)
        self.bars.update(self.total, **({"words": "stopped", "seconds": None} if stopped else {"advance": 1}))

    def _short(self, job: Job) -> str:
        """The name, of one that is too long the end, which tells seeds and settings apart."""
        name = f"{short_name(job.run)}-s{job.seed}"
        return name if len(name) <= self._name_width else f"…{name[1 - self._name_width :]}"


class _Left(ProgressColumn):
    """The time that is left."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        seconds = task.fields["seconds"]() if task.fields["seconds"] else None
        return Text("" if seconds is None else f"{clock_words(seconds)} left", "cyan")


def make_view(console: SafeConsole, left: TimeLeft) -> View:
    """A live view in a terminal, a plain one elsewhere and where every step of the work is printed."""
    if console.amount == Amount.QUIET:
        return QuietView(console, left)
    return LiveView(console, left) if console.is_terminal else View(console, left)


def _progress_words(progress: JobProgress) -> str:
    if progress.phase != "training":
        return progress.phase
    return f"{_loss_words(progress)}  {progress.metrics[IMAGES_PER_SECOND]:.0f} images/s"


def _loss_words(progress: JobProgress) -> str:
    if progress.phase != "training":
        return progress.phase
    return "  ".join(f"{name} {progress.metrics[name]:.3f}" for name in (LOSS_D, LOSS_G))


def _phase_words(progress: JobProgress) -> str:
    return progress.phase


def _detail_words(progress: JobProgress) -> str:
    """A line of `--verbose`."""
    if progress.phase == "diagnosed":
        return ", ".join(f"{name} {value:.3g}" for name, value in progress.metrics.items())
    return _progress_words(progress)


def _end_lines(job: Job, exit_: str, history: History | None, why: str) -> Text:
    """How a job ended: outcome, final losses, score; below it an explanation, if there is one."""
    outcome = (history.outcome if history else None) or {}
    words = [exit_, *(outcome[key] for key in ("samples", "dynamics") if outcome.get(key))]
    line = Text.assemble((job.name, "bold"), "  ", coloured(words), "  ", _scores(history))
    if exit_ == Exit.INTERRUPTED and history is not None:
        line.append(f"  at step {history.last_step:,} of {job.total_steps or 0:,}")
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
