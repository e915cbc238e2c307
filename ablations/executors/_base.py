"""What an executor is: a number of slots in which jobs run side by side, wherever that is.

Whoever has jobs to do submits as many as there are slots, waits until one ends, and submits the next: no slot waits
for another. The data and references that the jobs need are prepared before; workers look them up in the store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from fakeface.registry import Registry

POLL_SECONDS = 0.1
"""How long a wait goes on before it looks at `stop` again."""


@dataclass(frozen=True)
class Setup:
    """What every worker needs. Goes to other processes, so it holds plain values."""

    root: Path
    """The store's folder."""
    device: str
    """A name that `machine.select_device` knows. `auto` and `cuda` let workers share out all GPUs that there are."""
    threads: int
    """CPU threads of each job: the bits of its weights hold for this count."""
    git: dict[str, Any]
    """The commit, for the record: see `machine.git_state`."""
    allow_inexact: bool = False
    """Go on with a job that was begun on another stack."""


@dataclass(frozen=True)
class Ended:
    """How one submitted job ended.

    `exit` is finished, diverged, pruned, interrupted, crashed, refused (it could not be begun), or `busy`: another
    process holds the job's lock, so that it is worth another look later. `why` says more where that is no news from
    the journal.
    """

    job: Job
    exit: str
    why: str = ""


class Executor(Protocol):
    """Runs jobs. Used from one thread, as a context manager; leaving it ends the workers."""

    slots: int
    """Jobs that run side by side."""
    stop: Callable[[], bool]
    """Whether to stop: no job is begun any more, and those in flight end `interrupted` after a checkpoint."""

    def __init__(self, setup: Setup, jobs: int, stop: Callable[[], bool]) -> None:
        """`jobs` becomes `slots`. Raises what `slots_for` does."""

    @staticmethod
    def slots_for(device: str, asked: int | None) -> int:
        """How many jobs to run side by side on a device (`Setup.device`): as many as asked, or as is sensible.

        Raises:
            UserError: there is no such device, or so many cannot be had.
        """

    def submit(self, job: Job) -> None:
        """Have a job done. Raises ValueError where every slot has one."""

    def cancel(self, job: Job, why: str) -> None:
        """Have a job stop after the step in progress and its checkpoint: it ends `pruned`, with `why` as evidence.

        Jobs that are not in flight, are about to finish or only need scores are left alone. A pruned job that is
        submitted again goes on.
        """

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        """Block until at least one job has ended, and return those that have.

        Returns none after `timeout` seconds (an executor without workers runs the job to its end first), or where no
        job is in flight: then at once without a timeout, and as soon as `stop` says so with one.

        Args:
            on_progress: called in the caller's thread; may cancel jobs.
        """

    def idle_share(self) -> float:
        """Share of the slots' time without a job, between the first submission and the last end; 0 before that."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...


EXECUTORS: Registry[type[Executor]] = Registry("executor")


class SlotClock:
    """Adds up the time (s, by `time.monotonic`, which the processes of one machine share) that slots have a job."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.first: float | None = None
        self.last = 0.0
        self._busy = 0.0
        self._began: dict[int, float] = {}

    def begin(self, slot: int) -> None:
        """A slot gets a job."""
        now = time.monotonic()
        self.first = now if self.first is None else self.first
        self._began[slot] = now

    def end(self, slot: int, at: float | None = None) -> None:
        """A slot's job ended, now or at a time that was noted where it ran."""
        ended = time.monotonic() if at is None else at
        self._busy += ended - self._began.pop(slot)
        self.last = max(self.last, ended)

    def idle_share(self) -> float:
        """See `Executor.idle_share`. Jobs in flight count up to the last end."""
        if self.first is None or self.last <= self.first:
            return 0.0
        in_flight = sum(max(0.0, self.last - began) for began in self._began.values())
        return 1 - (self._busy + in_flight) / (self.slots * (self.last - self.first))


def rest(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, but not on where somebody wants to stop."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop():
        time.sleep(min(left, POLL_SECONDS))
