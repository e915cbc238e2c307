"""Works through tasks that ask for trainings one after another, side by side, with no barrier between them."""

from collections.abc import Iterator
from typing import Protocol

from ablations.context import Progress
from ablations.executors import Ended, Executor
from ablations.history import History
from ablations.plan import Job
from ablations.runner import WAIT_SECONDS, Summary
from ablations.state import state_of
from ablations.store import Store
from ablations.view import View

LOST = ("crashed", "refused", "interrupted")
"""Exits that say nothing of the setting: the task is left as it is, and the same command takes it up again."""


class Task(Protocol):
    """A sequence of trainings, each of which may depend on those before it."""

    def next_job(self) -> Job | None:
        """The training that it wants now; None when it is through, which it has then noted for good."""

    def watch(self, history: History, step: int) -> str | None:
        """Look at a running job that has just been diagnosed at `step`; why it should be cut short, if it should."""

    def ended(self, job: Job, history: History) -> None:
        """The job is complete, or was cut short."""


class Crew:
    """Keeps every slot of an executor at work for as long as any task has something to do."""

    def __init__(self, executor: Executor, store: Store, view: View) -> None:
        self.executor, self.store, self.view = executor, store, view
        self.summary = Summary()
        self._running: dict[str, tuple[Task, Job]] = {}
        self._waiting: list[tuple[Task, Job]] = []
        """Jobs that another process works on, or another task of ours."""

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

    def _wait(self) -> None:
        for ended in self.executor.wait(self._on_progress, timeout=WAIT_SECONDS if self._waiting else None):
            self._take(ended)

    def _take(self, ended: Ended) -> None:
        """Hand a job's end to its task, which may ask for another."""
        job = ended.job
        task, _ = self._running.pop(job.identity)
        if ended.exit == "busy":
            self._waiting.append((task, job))
            return
        history = self._history(job)
        self.summary.exits[job.name] = ended.exit
        self.view.ended(job, ended.exit, history, ended.why)
        if ended.exit not in LOST and history is not None:
            task.ended(job, history)
            if not self.executor.stop():
                self._advance(task)

    def _advance(self, task: Task) -> None:
        """Bring a task to its next training that has still to be done; what the store holds costs nothing."""
        while (job := task.next_job()) is not None:
            if job.identity in self._running:
                self._waiting.append((task, job))
                return
            state = state_of(job, self.store)
            if state.word == "done" and state.history is not None:
                task.ended(job, state.history)
                continue
            if state.history is not None and self._replay(task, job, state.history):
                continue
            self._running[job.identity] = (task, job)
            self.executor.submit(job)
            return

    def _replay(self, task: Task, job: Job, history: History) -> bool:
        """Show a task what a former process saw of its job; whether the job was cut then, or should have been."""
        for diagnosis in history.diagnoses:
            if task.watch(history, diagnosis["step"]) is not None:
                task.ended(job, history)
                return True
        return False

    def _retry(self) -> None:
        waiting, self._waiting = self._waiting, []
        for task, _ in waiting:
            self._advance(task)

    def _on_progress(self, progress: Progress) -> None:
        self.view.progress(progress)
        task, job = self._running[progress.job.identity]
        if progress.phase == "diagnosed" and (history := self._history(job)) is not None:
            why = task.watch(history, progress.step)
            if why is not None:
                self.executor.cancel(job, why)

    def _history(self, job: Job) -> History | None:
        folder = self.store.find(job.identity)
        return self.store.history(folder) if folder else None
