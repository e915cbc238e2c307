"""A worker process of `local`: takes the jobs that its parent sends, tells how they go, and outlives nobody.

A thread of its own hears the parent, so that a step asks no pipe whether to stop. The pipe closes when the parent
lets go of it or dies, kill -9 included: the job in progress then stops as on Ctrl-C, and the process ends.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue

from ablations.executors._base import Setup
from ablations.executors._runner import Workbench
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job


@dataclass(frozen=True)
class Take:
    """To the worker: do this job. `number` tells it from every other that this worker was sent."""

    number: int
    job: Job


@dataclass(frozen=True)
class Cancel:
    """To the worker: that job is to stop as pruned."""

    number: int
    why: str


@dataclass(frozen=True)
class Stop:
    """To the worker: the job in progress is to stop as interrupted, and later ones are not to begin."""


@dataclass(frozen=True)
class Moved:
    """From the worker: its job's `Progress`, without the job, which the parent has."""

    step: int
    total_steps: int
    phase: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Over:
    """From the worker: its job's `Ended` in plain words, and when (s, `time.monotonic`)."""

    exit: str
    why: str
    at: float


Order = Take | Cancel | Stop
Report = Moved | Over


class _Ear:
    """What the parent has said so far."""

    def __init__(self, connection: "Connection[Report, Order]") -> None:
        self.connection = connection
        self.jobs: SimpleQueue[Take | None] = SimpleQueue()
        """None: no more."""
        self.stopped = False
        self.cancelled: dict[int, str] = {}

    def listen(self) -> None:
        """Until the parent is gone."""
        try:
            while True:
                order = self.connection.recv()
                if isinstance(order, Take):
                    self.jobs.put(order)
                elif isinstance(order, Cancel):
                    self.cancelled[order.number] = order.why
                else:
                    self.stopped = True
        except (EOFError, OSError):
            self.leave()

    def leave(self) -> None:
        """No more jobs. A signal handler calls this, so it takes no lock."""
        self.stopped = True
        self.jobs.put(None)


def work(setup: Setup, connection: "Connection[Report, Order]") -> None:
    """What a worker process runs. Imports of this module are paid once for all its jobs."""
    ear = _Ear(connection)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, and is the parent's affair
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, lambda *_: ear.leave())
    threading.Thread(target=ear.listen, daemon=True).start()

    def tell(report: Report) -> None:
        with contextlib.suppress(OSError):  # the parent is gone, as the ear hears too
            connection.send(report)

    def moved(progress: Progress) -> None:
        tell(Moved(progress.step, progress.total_steps, progress.phase, progress.metrics))

    bench = Workbench(setup)
    while (order := ear.jobs.get()) is not None:
        ended = bench.take(order.job, lambda: ear.stopped, partial(ear.cancelled.get, order.number), moved)
        tell(Over(ended.exit, ended.why, time.monotonic()))
