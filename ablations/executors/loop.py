"""Feeds jobs to an executor: how many at a time, and what happens to a job whose worker died.

Several processes may share a store: each job has a lock.
"""

import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import FrameType
from typing import Protocol

from ablations.executors._base import Ended, Executor
from ablations.executors._runner import record_crash
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from ablations.store import Store
from ablations.store.history import History
from ablations.store.locks import SILENT_SECONDS, why_silent
from fakeface.outcomes import Exit

WAIT_SECONDS = 0.5
"""Seconds between two checks of jobs that another process works on."""
MAX_RESUMES = 2
"""How often a lost job is resumed before it counts as crashed; one that needs too much memory would never end."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Ctrl-C, the system's request to end, and the warning of a scheduler that is about to preempt."""


class Watcher(Protocol):
    """Receives the events of a run of jobs, in the caller's thread."""

    def began(self, job: Job) -> None:
        """A job was handed to the executor."""

    def progress(self, progress: Progress) -> None:
        """A job reported its progress."""

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:
        """A job ended or was refused. `history` is None where its journal does not exist or cannot be read."""


@dataclass
class Summary:
    """How the jobs of one command ended, by name."""

    exits: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why jobs crashed or were refused."""
    idle_share: float = 0.0
    """Share of the slots' time without a job, from the first submission to the last end."""
    stopped_by: str = ""
    """Name of the job whose crash stopped the others (`--fail-fast`)."""

    @property
    def all_ended(self) -> bool:
        """Whether every job came to an end of its own."""
        return not {Exit.INTERRUPTED, Exit.CRASHED, Exit.REFUSED} & {*self.exits.values()}

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


@dataclass
class _Running:
    """A job that the executor has."""

    job: Job
    cancelled: str | None = None
    last_diagnosis: int = -1
    """Step of the last diagnosis that was reported."""


class Dispatcher:
    """Hands jobs to an executor, resumes those whose worker died, reports their ends, and sums them up."""

    def __init__(
        self,
        executor: Executor,
        requested: int | None,
        store: Store,
        watcher: Watcher,
        *,
        fail_fast: bool = False,
    ) -> None:
        """
        Args:
            requested: how many jobs the executor shall have at a time. None: what suits the machine.
            fail_fast: whether the first crash stops the other jobs.
        """
        self.executor, self.requested, self.store = executor, requested, store
        self.watcher, self.fail_fast = watcher, fail_fast
        self.summary = Summary()
        self._running: list[_Running] = []
        self._busy_since: dict[str, float] = {}
        """Jobs that another process has, and since when this one waits for them, by the monotonic clock (s)."""
        self._deaths = Counter[str]()
        """How many workers of each job died. Kept while another process, such as a dying worker, has the job's lock."""
        self._busy_seconds = 0.0
        self._slot_seconds = 0.0
        self._counted: float | None = None
        """Up to when both are counted, by the monotonic clock (s)."""

    @property
    def slots(self) -> int:
        """How many jobs the executor has at most. May change, as an executor learns what its jobs need."""
        return self.executor.slots(self.requested)

    @property
    def has_free_slot(self) -> bool:
        """Whether another job may be submitted now."""
        return len(self._running) < self.slots and not self.stop()

    @property
    def running(self) -> int:
        """Number of jobs that the executor has now."""
        return len(self._running)

    def stop(self) -> bool:
        """Whether no further job may begin."""
        return self.executor.stopping.is_set()

    def submit(self, job: Job) -> None:
        """Start a job in a free slot."""
        self._count_time()
        self.executor.submit(job)
        self._running.append(_Running(job))
        self.watcher.began(job)

    def cancel(self, job: Job, why: str) -> None:
        """Stop a running job, as `Executor.cancel` does, also if its worker dies meanwhile."""
        self._entry(job).cancelled = why
        self.executor.cancel(job, why)

    def wait(
        self, on_progress: Callable[[Progress], None], timeout: float | None = None
    ) -> list[tuple[Ended, History | None]]:
        """Wait as `Executor.wait` does, or sleep for `timeout` seconds if no job is running.

        Args:
            on_progress: called with each job's progress. It sees each diagnosis once, in order, however often the job
                was resumed.

        Returns:
            The jobs that ended, each with what its journal says: None if it was busy or has no journal. None of them
            is `lost`.
        """
        if not self._running:
            _sleep(timeout or 0.0, self.stop)
            return []
        found = self.executor.wait(partial(self._forward, on_progress), timeout)
        ends = [self._refused_if_stuck(end) for ended in found if (end := self._after_loss(ended))]
        return [(ended, self._end(ended)) for ended in ends]

    def _entry(self, job: Job) -> _Running:
        return next(entry for entry in self._running if entry.job == job)

    def _forward(self, on_progress: Callable[[Progress], None], progress: Progress) -> None:
        if progress.phase == "diagnosed":
            entry = self._entry(progress.job)
            if progress.step <= entry.last_diagnosis:  # reported before its worker died
                return
            entry.last_diagnosis = progress.step
        on_progress(progress)

    def _after_loss(self, ended: Ended) -> Ended | None:
        """The end of a job; None if it was lost and is resumed."""
        if ended.exit != Exit.LOST:
            return ended
        if self.stop():
            return Ended(ended.job, Exit.INTERRUPTED)
        entry = self._entry(ended.job)
        self._deaths[ended.job.name] += 1
        deaths = self._deaths[ended.job.name]
        if deaths > MAX_RESUMES:
            why = f"given up after {deaths} attempts, the last of which ended with {ended.why}"
            return record_crash(ended.job, self.store, why)
        self.executor.submit(ended.job)
        if entry.cancelled is not None:
            self.executor.cancel(ended.job, entry.cancelled)
        return None

    def _refused_if_stuck(self, ended: Ended) -> Ended:
        """Do not wait for ever for another process that has a job and writes nothing."""
        if ended.exit != Exit.BUSY:
            return ended
        now = time.monotonic()
        waited = now - self._busy_since.setdefault(ended.job.name, now)
        folder = self.store.find(ended.job.identity) if waited > SILENT_SECONDS else None
        why = why_silent(folder) if folder is not None else ""
        return replace(ended, exit=Exit.REFUSED, why=why) if why else ended

    def _end(self, ended: Ended) -> History | None:
        self._count_time()
        self._running.remove(self._entry(ended.job))
        if ended.exit == Exit.BUSY:
            return None
        history = history_of(ended.job, self.store)
        self.summary.exits[ended.job.name] = ended.exit
        if ended.why:
            self.summary.reasons[ended.job.name] = ended.why
        self.watcher.ended(ended.job, ended.exit, history, ended.why)
        if ended.exit == Exit.CRASHED and self.fail_fast and not self.stop():
            self.summary.stopped_by = ended.job.name
            self.executor.stopping.set()
        return history

    def _count_time(self) -> None:
        """Add the time since the last submission or end of a job to what `idle_share` is made of."""
        now = time.monotonic()
        if self._counted is not None:
            self._busy_seconds += len(self._running) * (now - self._counted)
            self._slot_seconds += self.slots * (now - self._counted)
        if self._slot_seconds:
            self.summary.idle_share = 1 - self._busy_seconds / self._slot_seconds
        self._counted = now


def run_plan(jobs: Sequence[Job], dispatcher: Dispatcher) -> Summary:
    """Train or score what is not done, in all slots. Returns how these jobs ended, and those before them."""
    waiting, busy = deque(jobs), list[Job]()
    while dispatcher.running or ((waiting or busy) and not dispatcher.stop()):
        while waiting and dispatcher.has_free_slot:
            dispatcher.submit(waiting.popleft())
        ended = dispatcher.wait(dispatcher.watcher.progress, timeout=WAIT_SECONDS)
        if not ended:  # check again the jobs that other processes had
            waiting.extend(busy)
            busy.clear()
        busy += [end.job for end, _ in ended if end.exit == Exit.BUSY]
    for job in [*waiting, *busy]:
        dispatcher.summary.exits[job.name] = Exit.INTERRUPTED
    return dispatcher.summary


def history_of(job: Job, store: Store) -> History | None:
    """What the job's journal says now; None if it does not exist or cannot be read."""
    folder = store.folder_for(job.plain, job.seed, job.identity)
    history = store.history(folder) if folder.is_dir() else None
    return None if history is None or history.unreadable else history


@contextmanager
def stop_on_signals(stop: threading.Event, on_first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Set an event at the signals of STOP_SIGNALS. A second signal ends the process at once, as without this,
    unless it is SIGUSR1: a scheduler may send its warning to the group and to each process of it.

    Args:
        on_first: called at the first signal, to tell the user.
    """

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
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, until `stop` returns True at the latest."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop():
        time.sleep(min(left, 0.1))
