"""Works through a plan. Several such processes may share a store: a job's lock says who has it."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from ablations.executors import Executor
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from ablations.store import Store
from ablations.store.history import History
from fakeface.errors import UserError
from fakeface.outcomes import Exit

WAIT_SECONDS = 0.5
"""Seconds between two looks at jobs that another process works on."""


class Watcher(Protocol):
    """Receives the events of a run of jobs, in the caller's thread."""

    def progress(self, progress: Progress) -> None:
        """A job reported its progress."""

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        """A job ended or was refused. `history` is None where its journal does not exist or cannot be read."""


@dataclass
class Summary:
    """How the jobs of one command ended, by name."""

    exits: dict[str, str] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """0: all finished, whatever their GAN outcome; 1: some crashed; 2: some refused; 130: interrupted."""
        exits = set(self.exits.values())
        for exit_, status in ((Exit.INTERRUPTED, 130), (Exit.CRASHED, 1), (Exit.REFUSED, 2)):
            if exit_ in exits:
                return status
        return 0


def run_plan(jobs: Sequence[Job], executor: Executor, store: Store, watcher: Watcher) -> Summary:
    """Train or score what is not done, in all slots at once. One job's failure never stops the others."""
    summary = Summary()
    waiting, busy, running = deque(jobs), list[Job](), 0
    while running or ((waiting or busy) and not executor.stop()):
        while waiting and running < executor.slots and not executor.stop():
            executor.submit(waiting.popleft())
            running += 1
        ended = executor.wait(watcher.progress, timeout=WAIT_SECONDS if busy else None)
        if not ended:  # time to look again at what another process had
            waiting.extend(busy)
            busy.clear()
        for end in ended:
            running -= 1
            if end.exit == Exit.BUSY:
                busy.append(end.job)
            else:
                summary.exits[end.job.name] = end.exit
                watcher.ended(end.job, end.exit, history_of(end.job, store), end.why)
    for job in [*waiting, *busy]:
        summary.exits[job.name] = Exit.INTERRUPTED
    return summary


def history_of(job: Job, store: Store) -> History | None:
    """What the journal says by now; None where it cannot be read."""
    folder = store.find(job.identity)
    try:
        return store.history(folder) if folder is not None else None
    except UserError:
        return None


@contextmanager
def stop_on_signals(on_first: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second signal ends the process at once, as it would without this.

    Args:
        on_first: called at the first signal, to tell the user.
    """
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()
        on_first()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
