"""Works through tasks that ask for trainings one after another, side by side, with no barrier between them."""

from collections.abc import Iterator
from typing import Protocol

from ablations.executors import Ended, Executor
from ablations.executors.loop import WAIT_SECONDS, Dispatcher, Watcher, history_of
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from ablations.store import Store
from ablations.store.history import History
from fakeface.outcomes import Exit


class Task(Protocol):
    """A sequence of trainings, each of which may depend on those before it."""

    def next_job(self) -> Job | None:
        """The training that it wants now; None when it is through, which it has then noted for good."""

    def watch(self, history: History, step: int) -> str | None:
        """Look at a running job that has just been diagnosed at `step`; why it should be cut short, if it should."""

    def ended(self, job: Job, history: History) -> None:
        """The job is complete, or was cut short."""

    def crashed(self) -> None:
        """The job crashed. The task is left as it is; the same command takes it up again."""


class TaskScheduler:
    """Keeps every slot of an executor at work for as long as any task has something to do."""

    def __init__(self, executor: Executor, store: Store, watcher: Watcher) -> None:
        self.executor, self.store, self.watcher = executor, store, watcher
        self.dispatcher = Dispatcher(executor, store, watcher)
        self.summary = self.dispatcher.summary
        self._running: dict[str, tuple[Task, Job]] = {}
        self._waiting: list[tuple[Task, Job]] = []
        """Jobs that another process works on, or another task of ours."""
        self._error: Exception | None = None

    def work(self, tasks: Iterator[Task]) -> None:
        """Work until the tasks are through or the command is told to stop. A task is asked for when a slot is free."""
        exhausted = False
        while not self.executor.stop():
            self._retry()
            while not exhausted and len(self._running) + len(self._waiting) < self.executor.slots:
                task = next(tasks, None)
                exhausted = task is None
                if task is not None:
                    self._advance(task)
            if not self._running and not self._waiting:
                return
            self._wait()
        while self._running:  # they stop by themselves
            self._wait()

    def idle_share(self) -> float:
        """The share of the slots' time so far in which no job ran."""
        return self.summary.idle_share

    def _wait(self) -> None:
        timeout = WAIT_SECONDS if self._waiting else None
        for ended, history in self.dispatcher.wait(self._on_progress, timeout):
            self._take(ended, history)
        if self._error is not None:
            raise self._error

    def _take(self, ended: Ended, history: History | None) -> None:
        """Hand a job's end to its task, which may ask for another."""
        job = ended.job
        task, _ = self._running.pop(job.identity)
        if ended.exit == Exit.BUSY:
            self._waiting.append((task, job))
            return
        if ended.exit in (Exit.FINISHED, Exit.DIVERGED, Exit.PRUNED) and history is not None:
            task.ended(job, history)
            if not self.executor.stop():
                self._advance(task)
        elif ended.exit == Exit.CRASHED:
            task.crashed()

    def _advance(self, task: Task) -> None:
        """Bring a task to its next training. What the store holds already is told to it as if it ran now, and costs
        nothing: the executor finds it done."""
        while (job := task.next_job()) is not None:
            if job.identity in self._running:
                self._waiting.append((task, job))
                return
            history = history_of(job, self.store)
            if history is not None and history.job and self._was_pruned(task, history):
                task.ended(job, history)
                continue
            self._running[job.identity] = (task, job)
            self.dispatcher.submit(job)
            return

    def _was_pruned(self, task: Task, history: History) -> bool:
        """Show a task what a former process saw of its job; whether the job was cut then, or should have been."""
        steps = sorted(int(diagnosis["step"]) for diagnosis in history.diagnoses)
        return any(task.watch(history, step) is not None for step in steps)

    def _retry(self) -> None:
        waiting, self._waiting = self._waiting, []
        for task, _ in waiting:
            self._advance(task)

    def _on_progress(self, progress: Progress) -> None:
        self.watcher.progress(progress)
        task, job = self._running[progress.job.identity]
        if progress.phase != "diagnosed" or self._error is not None:
            return
        try:
            history = history_of(job, self.store)
            why = task.watch(history, progress.step) if history is not None else None
        except Exception as error:  # the study's, not the job's, in whose process we may be
            self._error = error
            return
        if why is not None:
            self.executor.cancel(job, why)
