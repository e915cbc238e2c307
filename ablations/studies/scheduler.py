"""Runs tasks side by side, without a barrier: each is a sequence of trainings that depend on one another."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

from ablations.executors import Ended
from ablations.executors.loop import WAIT_SECONDS, Dispatcher, history_of
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from ablations.spec import Run
from ablations.store import Store, journal
from ablations.store.history import History
from fakeface.errors import UserError
from fakeface.outcomes import Exit


class MakeJob(Protocol):
    """Makes the training of a run with a seed."""

    def __call__(self, run: Run, seed: int, *, curve: bool = False) -> Job:
        """`curve`: score it along the run too."""


class Task(ABC):
    """A sequence of trainings, each of which may depend on those before it."""

    @abstractmethod
    def next_job(self) -> Job | None:
        """The next training; None once the task is done, and what it found is stored."""

    @abstractmethod
    def ended(self, job: Job, history: History) -> None:
        """The job is complete, or was pruned."""

    def why_prune(self, history: History, step: int) -> str | None:  # noqa: ARG002 - for subclasses
        """Called when a job has been diagnosed at `step`: why it should stop, or None to continue."""
        return None

    def crashed(self) -> None:  # noqa: B027 - for subclasses
        """The job crashed. The same command tries it again."""


class TaskScheduler:
    """Keeps every slot busy as long as any task has a training to run."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.store = dispatcher, dispatcher.store
        self.summary = dispatcher.summary
        self._running: dict[str, _Running] = {}
        """By the job's identity."""
        self._waiting: list[Task] = []
        """Tasks whose next job is in the hands of another process, or of another task here."""
        self._error: Exception | None = None

    def run(self, tasks: Iterator[Task]) -> None:
        """Run until all tasks are done or the command is stopped. A task is taken from `tasks` when a slot is free."""
        exhausted = False
        while not self.dispatcher.stop():
            self._retry()
            while not exhausted and len(self._running) + len(self._waiting) < self.dispatcher.slots:
                task = next(tasks, None)
                exhausted = task is None
                if task is not None:
                    self._advance(task)
            if not self._running and not self._waiting:
                return
            self._wait()
        while self._running:  # they stop by themselves
            self._wait()

    def _wait(self) -> None:
        for ended, history in self.dispatcher.wait(self._on_progress, WAIT_SECONDS):
            self._on_end(ended, history)
        if self._error is not None:
            raise self._error

    def _on_end(self, ended: Ended, history: History | None) -> None:
        task = self._running.pop(ended.job.identity).task
        if ended.exit == Exit.BUSY:
            self._waiting.append(task)
        elif ended.exit in (Exit.FINISHED, Exit.DIVERGED, Exit.PRUNED) and history is not None:
            task.ended(ended.job, history)
            if not self.dispatcher.stop():
                self._advance(task)
        elif ended.exit == Exit.CRASHED:
            task.crashed()

    def _advance(self, task: Task) -> None:
        """Submit the next job of a task, even a complete one: the executor finds it done at no cost."""
        while (job := task.next_job()) is not None:
            if job.identity in self._running:
                self._waiting.append(task)
                return
            history = history_of(job, self.store)
            if history is not None and history.job and _was_pruned(task, history):
                task.ended(job, history)
                continue
            self._running[job.identity] = _Running(task, job)
            self.dispatcher.submit(job)
            return

    def _retry(self) -> None:
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._advance(task)

    def _on_progress(self, progress: Progress) -> None:
        self.dispatcher.watcher.progress(progress)
        if progress.phase != "diagnosed" or self._error is not None:
            return
        running = self._running[progress.job.identity]
        try:
            history = running.history(self.store)
            why = running.task.why_prune(history, progress.step) if history is not None else None
        except Exception as error:  # the study's, not the job's, in whose process we may be
            self._error = error
            return
        if why is not None:
            self.dispatcher.cancel(running.job, why)


class _Running:
    """A job that was submitted, and what was read of its journal so far."""

    def __init__(self, task: Task, job: Job) -> None:
        self.task, self.job = task, job
        self._history: History | None = None
        self._offset = 0

    def history(self, store: Store) -> History | None:
        """What the journal says now; reads only what is new since the last call. None if it is unreadable."""
        if self._history is None:
            folder = store.find(self.job.identity)
            if folder is None:
                return None
            self._history = History(folder / "journal.jsonl")
        try:
            reading = journal.read(self._history.path, self._offset)
        except UserError:
            return None
        for record in reading.records:
            self._history.apply(record)
        self._offset = reading.offsets[-1] if reading.offsets else self._offset
        return self._history


def _was_pruned(task: Task, history: History) -> bool:
    """Show a task the diagnoses that a former process saw: whether it pruned the job, or should have."""
    steps = sorted(int(diagnosis["step"]) for diagnosis in history.diagnoses)
    return any(task.why_prune(history, step) is not None for step in steps)
