"""Feeds jobs to an executor. Several processes may share a store: each job has a lock."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from ablations.executors._base import Ended, Executor
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from ablations.store import Store
from ablations.store.history import History
from fakeface.outcomes import Exit

WAIT_SECONDS = 0.5
"""Seconds between two checks of jobs that another process works on."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Ctrl-C, the system's request to end, and the warning of a scheduler that is about to preempt."""


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
    idle_share: float = 0.0
    """Share of the slots' time without a job, from the first submission to the last end."""
    stopped_by: str = ""
    """Name of the job whose crash stopped the others (`--fail-fast`)."""

    @property
    def exit_status(self) -> int:
        """0: all finished, whatever their GAN outcome; 1: some crashed, or one did and stopped the others; 2: some
        refused; 130: interrupted."""
        if self.stopped_by:
            return 1
        exits = set(self.exits.values())
        for exit_, status in ((Exit.INTERRUPTED, 130), (Exit.CRASHED, 1), (Exit.REFUSED, 2)):
            if exit_ in exits:
                return status
        return 0


class Dispatcher:
    """Hands jobs to an executor, reports their ends to the watcher, and sums them up."""

    def __init__(
        self, executor: Executor, store: Store, watcher: Watcher, stop_all: Callable[[], None] | None = None
    ) -> None:
        """`stop_all`: makes `executor.stop` true; called when a first job crashes. None: the others go on."""
        self.executor, self.store, self.watcher, self.stop_all = executor, store, watcher, stop_all
        self.summary = Summary()
        self._running: list[tuple[Job, float]] = []
        """Jobs, and when they were submitted (s since 1970)."""
        self._busy_seconds = 0.0
        self._first, self._last = float("inf"), 0.0

    @property
    def running(self) -> int:
        """Number of jobs that the executor has now."""
        return len(self._running)

    def submit(self, job: Job) -> None:
        """Start a job in a free slot."""
        now = time.time()
        self.executor.submit(job)
        self._first = min(self._first, now)
        self._running.append((job, now))

    def wait(
        self, on_progress: Callable[[Progress], None], timeout: float | None = None
    ) -> list[tuple[Ended, History | None]]:
        """Wait as `Executor.wait` does, or sleep for `timeout` seconds if no job is running.

        Returns:
            The jobs that ended, each with what its journal says: None if it was busy or has no journal.
        """
        if not self._running:
            _sleep(timeout or 0.0, self.executor.stop)
            return []
        return [(ended, self._end(ended)) for ended in self.executor.wait(on_progress, timeout)]

    def _end(self, ended: Ended) -> History | None:
        self._count_time(ended)
        if ended.exit == Exit.BUSY:
            return None
        history = history_of(ended.job, self.store)
        self.summary.exits[ended.job.name] = ended.exit
        self.watcher.ended(ended.job, ended.exit, history, ended.why)
        if ended.exit == Exit.CRASHED and self.stop_all is not None and not self.executor.stop():
            self.summary.stopped_by = ended.job.name
            self.stop_all()
        return history

    def _count_time(self, ended: Ended) -> None:
        index = next(index for index, (job, _) in enumerate(self._running) if job == ended.job)
        _, began = self._running.pop(index)
        self._busy_seconds += ended.at - began
        self._last = max(self._last, ended.at)
        if self._last > self._first:
            busy = self._busy_seconds + sum(max(0.0, self._last - began) for _, began in self._running)
            self.summary.idle_share = 1 - busy / (self.executor.slots * (self._last - self._first))


def run_plan(
    jobs: Sequence[Job],
    executor: Executor,
    store: Store,
    watcher: Watcher,
    stop_all: Callable[[], None] | None = None,
) -> Summary:
    """Train or score what is not done, in all slots. A job that crashes stops the others with `stop_all` only."""
    dispatcher = Dispatcher(executor, store, watcher, stop_all)
    waiting, busy = deque(jobs), list[Job]()
    while dispatcher.running or ((waiting or busy) and not executor.stop()):
        while waiting and dispatcher.running < executor.slots and not executor.stop():
            dispatcher.submit(waiting.popleft())
        ended = dispatcher.wait(watcher.progress, timeout=WAIT_SECONDS if busy else None)
        if not ended:  # check again the jobs that other processes had
            waiting.extend(busy)
            busy.clear()
        busy += [end.job for end, _ in ended if end.exit == Exit.BUSY]
    for job in [*waiting, *busy]:
        dispatcher.summary.exits[job.name] = Exit.INTERRUPTED
    return dispatcher.summary


def history_of(job: Job, store: Store) -> History | None:
    """What the job's journal says now; None if it does not exist or cannot be read."""
    folder = store.find(job.identity)
    history = store.history(folder) if folder is not None else None
    return None if history is None or history.unreadable else history


@contextmanager
def stop_on_signals(on_first: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """An event that the signals of STOP_SIGNALS set. A second signal ends the process at once, as without this,
    unless it is SIGUSR1: a scheduler may send its warning to the group and to each process of it.

    Args:
        on_first: called at the first signal, to tell the user.
    """
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGUSR1:
            return
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()
        on_first()

    previous = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, until `stop` returns True at the latest."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop():
        time.sleep(min(left, 0.1))
