"""The interface of an executor: a number of slots in which jobs run side by side, in this process or elsewhere.

`loop.py` submits as many jobs as there are slots, waits until one ends, and submits the next, so that no slot waits
for another. The data and reference statistics of the jobs are prepared before; workers find them in the store.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from fakeface.registry import Registry


@dataclass(frozen=True)
class WorkerConfig:
    """What every worker needs. Plain values only, since it is sent to other processes."""

    root: Path
    """The store's folder."""
    device: str
    """A name that `machine.select_device` knows. With `auto` and `cuda`, workers share all GPUs of the machine."""
    threads: int
    """CPU threads of each job. The last bits of the weights depend on this number."""
    git: dict[str, Any]
    """The commit, for the record: see `checkout.git_state`."""
    allow_inexact: bool = False
    """Resume jobs that began on another stack."""


@dataclass(frozen=True)
class Ended:
    """How one submitted job ended."""

    job: Job
    exit: str
    """An `Exit`: how the job ended, `refused` (it could not begin), or `busy` (another process holds the job's lock:
    submit it again later)."""
    why: str = ""
    """An explanation, where the journal has none or the user should see it at once."""
    at: float = field(default_factory=time.time)
    """When the job ended, in seconds since 1970."""


class Executor(ABC):
    """Runs jobs in `slots` slots. Used from one thread, as a context manager; leaving it calls `close`.

    Register a subclass with `EXECUTORS.register(name)`. A worker runs a job with `JobRunner.run`, which takes the job's
    lock, trains or scores what is missing, and returns its `Ended`.
    """

    def __init__(self, config: WorkerConfig, slots: int | None, stop: Callable[[], bool]) -> None:
        """
        Args:
            slots: number of slots; None for the executor's default on the device.
            stop: returns True once no further job may begin and running jobs must stop after a checkpoint, with exit
                `interrupted`.

        Raises:
            UserError: see `slots_for`.
        """
        self.config, self.stop = config, stop
        self.slots = self.slots_for(config.device, slots, config.threads)

    @staticmethod
    def slots_for(device: str, requested: int | None, threads: int) -> int:  # noqa: ARG004 - for subclasses
        """Number of jobs to run side by side on a device, each with this number of CPU threads.

        Raises:
            UserError: the device does not exist, or the executor cannot run as many jobs.
        """
        return requested or 1

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Start a job. Raises ValueError if every slot has one."""

    @abstractmethod
    def cancel(self, job: Job, why: str) -> None:
        """Stop a running job after the current step and a checkpoint: it ends `pruned`, with `why` as evidence.

        Has no effect on a job that is not running, is about to finish, or only needs scores. A pruned job that is
        submitted again resumes.
        """

    @abstractmethod
    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        """Block until at least one job has ended, and return those that have; at once with none if no job is running.

        Args:
            on_progress: called in the caller's thread with each job's progress; may cancel jobs.
            timeout: return an empty list after this many seconds. An executor without workers may ignore it.
        """

    def close(self) -> None:  # noqa: B027 - an executor without workers has nothing to do
        """End the workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


EXECUTORS: Registry[type[Executor]] = Registry("executor")
