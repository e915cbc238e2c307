"""A worker process of `local`: runs the jobs that its parent sends, reports their progress, and ends with its parent.

A thread reads the parent's messages, so that a training step never waits for the pipe. The pipe closes when the parent
closes it or dies, kill -9 included: the current job then stops as on Ctrl-C, and the process ends.
"""

import contextlib
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue

from ablations.executors._base import WorkerConfig
from ablations.executors._runner import JobRunner
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress


@dataclass(frozen=True)
class RunJob:
    """To the worker. `number` identifies the job among those sent to this worker."""

    number: int
    job: Job


@dataclass(frozen=True)
class CancelJob:
    """To the worker: stop this job as `pruned`."""

    number: int
    why: str


@dataclass(frozen=True)
class StopAll:
    """To the worker: stop the current job as `interrupted`, and begin no other."""


@dataclass(frozen=True)
class JobProgress:
    """From the worker: a `Progress` without its job, which the parent has."""

    step: int
    total_steps: int
    phase: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class JobEnded:
    """From the worker: an `Ended` without its job."""

    exit: str
    why: str


ToWorker = RunJob | CancelJob | StopAll
FromWorker = JobProgress | JobEnded


class Inbox:
    """What the parent has sent so far."""

    def __init__(self, connection: "Connection[FromWorker, ToWorker]") -> None:
        self.connection = connection
        self.jobs: SimpleQueue[RunJob | None] = SimpleQueue()
        """None marks the end."""
        self.stopped = False
        self.cancelled: dict[int, str] = {}

    def receive(self) -> None:
        """Sort messages until the pipe closes."""
        try:
            while True:
                message = self.connection.recv()
                if isinstance(message, RunJob):
                    self.jobs.put(message)
                elif isinstance(message, CancelJob):
                    self.cancelled[message.number] = message.why
                else:
                    self.stopped = True
        except (EOFError, OSError):
            self.close()

    def close(self) -> None:
        """No more jobs. Takes no lock, since a signal handler calls it."""
        self.stopped = True
        self.jobs.put(None)


def run_worker(config: WorkerConfig, connection: "Connection[FromWorker, ToWorker]") -> None:
    """The worker's main function: imports are paid once for all of its jobs."""
    inbox = Inbox(connection)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent handles it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: inbox.close())
    threading.Thread(target=inbox.receive, daemon=True).start()

    def send(message: FromWorker) -> None:
        with contextlib.suppress(OSError):  # the parent died; the inbox notices too
            connection.send(message)

    def on_progress(progress: Progress) -> None:
        send(JobProgress(progress.step, progress.total_steps, progress.phase, progress.metrics))

    runner = JobRunner(config)
    while (message := inbox.jobs.get()) is not None:
        cancelled = partial(inbox.cancelled.get, message.number)
        ended = runner.run(message.job, lambda: inbox.stopped, cancelled, on_progress)
        send(JobEnded(ended.exit, ended.why))
