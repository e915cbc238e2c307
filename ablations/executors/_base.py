"""The interface of an executor: it takes jobs, runs them in this process or elsewhere, and reports how they ended.

How many jobs it has at a time, in which order, and what happens to one whose worker died is decided by its caller:
see `loop.py`. The data and reference statistics of the jobs are prepared before; workers find them in the store.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from fakeface.errors import UserError
from fakeface.registry import Registry


@dataclass(frozen=True)
class WorkerConfig:
    """What executors and their workers need. Plain values only, since it is sent to other processes."""

    root: Path
    """The store's folder."""
    device: str
    """`auto`, `cpu`, `cuda` or `cuda:N`. With `auto` and `cuda`, workers share all GPUs."""
    threads: int
    """CPU threads of each job. The last bits of the weights depend on this number."""
    git: dict[str, Any]
    """The commit, for the record: see `checkout.git_state`."""
    allow_inexact: bool = False
    """Resume jobs that began on another stack."""
    address: str | None = None
    """Address of a cluster, for an executor that `takes` it."""
    gpus: float | None = None
    """GPUs of a job, or a share of one, for an executor that `takes` it."""


@dataclass(frozen=True)
class Ended:
    """How one submitted job ended."""

    job: Job
    exit: str
    """An `Exit`: how the job ended, `refused` (it could not begin), `busy` (another process holds the job's lock:
    submit it again later) or `lost` (its worker died, or its GPU had too little memory left: submit it again to resume
    it)."""
    why: str = ""
    """An explanation, where the journal has none or the user should see it at once. Of a lost job: what ended it,
    such as `SIGKILL`."""


class Executor(ABC):
    """Runs jobs. Used from one thread, as a context manager; leaving it calls `close`.

    Register a subclass with `EXECUTORS.register(name)`. A worker runs a job with `JobRunner.run`, which takes the job's
    lock, trains or scores what is missing, and returns its `Ended`.
    """

    takes: ClassVar[frozenset[str]] = frozenset()
    """Which of the options `address` and `gpus` it has a use for."""

    def __init__(self, config: WorkerConfig) -> None:
        """Find the device or cluster. Workers may start later.

        Raises:
            UserError: the device or cluster is missing or does not work, or an option does not apply.
        """
        self.config = config
        self.stopping = threading.Event()
        """Once the caller has set it, no job begins, and running ones stop after the current step and a checkpoint, as
        `interrupted`."""
        for name in ("address", "gpus"):
            if getattr(config, name) is not None and name not in self.takes:
                can = [known for known in EXECUTORS if name in EXECUTORS[known].takes]
                raise UserError(f"--{name}: not for this executor; use --executor {' or '.join(can)}")

    @property
    def own_device(self) -> str:
        """The device of this process, for the work before the jobs: theirs, unless they run elsewhere."""
        return self.config.device

    def slots(self, requested: int | None) -> int:
        """How many jobs to run side by side now: the number that the user requests, or what suits the machine.

        Raises:
            UserError: the executor cannot run as many.
        """
        return requested or 1

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Begin a job, or queue it if the executor is full."""

    @abstractmethod
    def cancel(self, job: Job, why: str) -> None:
        """Stop a submitted job after the current step and a checkpoint: it ends `pruned`, with `why` as evidence.

        Has no effect on a job that was not submitted, is about to finish, or only needs scores. A pruned job that is
        submitted again resumes.
        """

    @abstractmethod
    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        """Block until at least one job has ended, and return those that have; at once with none if no job is submitted.

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
