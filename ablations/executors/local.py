"""`local`: worker processes of this machine, one job each, on its CPU cores or packed on its GPUs."""

import contextlib
import math
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context, resource_tracker

import torch

from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._packing import Packing
from ablations.executors._worker import (
    CancelJob,
    FromWorker,
    JobEnded,
    RunJob,
    StopAll,
    ToWorker,
    run_worker,
)
from ablations.jobs.machine import gpu_memory_metric, select_device
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from fakeface.environment import environment, jobs_for_cores, thread_variables
from fakeface.outcomes import Exit

POLL_SECONDS = 0.1
"""How often `wait` checks whether to stop."""
END_SECONDS = 10.0
"""Seconds that a worker has to end before it is killed, which is safe at any instant."""


class _Worker:
    """The parent's end of one process, which has one job at a time."""

    def __init__(self, config: WorkerConfig) -> None:
        self.device = config.device
        self.job: Job | None = None
        self.number = 0
        self.stop_sent = False
        # Not forked: a fork of a process that has used CUDA or started threads may hang.
        context = get_context("spawn")
        self.connection: connection.Connection[ToWorker, FromWorker]
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=run_worker, args=(config, theirs), name="ablations-worker")
        resource_tracker.ensure_running()  # else the first process to start it would let Ctrl-C through
        with environment(thread_variables(config.threads)), _interrupts_blocked():
            self.process.start()
        theirs.close()  # so that the pipe closes when the worker dies

    def start(self, job: Job) -> None:
        self.job = job
        self.number += 1
        self._send(RunJob(self.number, job))

    def cancel(self, why: str) -> None:
        self._send(CancelJob(self.number, why))

    def stop(self) -> None:
        if not self.stop_sent:
            self.stop_sent = True
            self._send(StopAll())

    def _send(self, message: ToWorker) -> None:
        with contextlib.suppress(OSError):  # it died; reading from the pipe reports that
            self.connection.send(message)

    def end(self) -> None:
        """Close the pipe and return when the process has ended."""
        self.connection.close()
        self.process.join(END_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def exit_words(self) -> str:
        """How a process that died ended: a signal's name or an exit status."""
        self.end()
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "SIGKILL, which the system sends when memory runs out"
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


@dataclass
class _Queued:
    """A submitted job that waits for memory of a GPU."""

    job: Job
    cancelled: str | None = None


@EXECUTORS.register("local")
class Local(Executor):
    """Starts a worker for each job that finds no idle one."""

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__(config)
        self._packing = Packing(_free_memory(config.device))
        self._devices = [*self._packing.free]
        self._workers: list[_Worker] = []
        self._queued: list[_Queued] = []
        self._ended: list[Ended] = []

    def slots(self, requested: int | None) -> int:
        cores = jobs_for_cores(self.config.threads)
        if self._devices == ["cpu"]:
            found = requested or cores
        else:
            fits = sum(map(self._packing.fits, self._devices))
            found = requested or min(fits, max(cores, len(self._devices)))
        limits = [self._packing.limit(device) for device in self._devices]
        return min(found, sum(limit or found for limit in limits))

    def submit(self, job: Job) -> None:
        self._queued.append(_Queued(job))
        self._start_queued()

    def _start_queued(self) -> None:
        """Start the jobs that find a worker, or a device that takes another one."""
        for dead in [worker for worker in self._workers if not worker.process.is_alive()]:
            if dead.job is None:
                self._end(dead)
        while self._queued:
            idle = (worker for worker in self._workers if worker.job is None)
            worker = next(idle, None) or self._new_worker()
            if worker is None:
                return
            queued = self._queued.pop(0)
            worker.start(queued.job)
            if queued.cancelled is not None:
                worker.cancel(queued.cancelled)

    def _new_worker(self) -> _Worker | None:
        """A worker on the device with the most room. None if the memory of each did not suffice for more."""
        taken = Counter(worker.device for worker in self._workers)
        limits = {device: self._packing.limit(device) for device in self._devices}
        free = [device for device, limit in limits.items() if limit is None or taken[device] < limit]
        if not free:
            return None
        device = min(free, key=lambda device: taken[device] / self._packing.fits(device))
        worker = _Worker(replace(self.config, device=device))
        self._workers.append(worker)
        return worker

    def _end(self, worker: _Worker) -> None:
        worker.end()
        self._workers.remove(worker)

    def cancel(self, job: Job, why: str) -> None:
        for queued in self._queued:
            if queued.job == job:
                queued.cancelled = why
        for worker in self._workers:
            if worker.job == job:
                worker.cancel(why)

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._ended and any(worker.job for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._receive(on_progress, min(POLL_SECONDS, left))
        ended, self._ended = self._ended, []
        return ended

    def _receive(self, on_progress: Callable[[Progress], None], seconds: float) -> None:
        """Read one message of each worker that has one within some seconds."""
        busy = [worker for worker in self._workers if worker.job]
        if self.stopping.is_set():
            self._ended += [Ended(queued.job, Exit.INTERRUPTED) for queued in self._queued]
            self._queued.clear()
            for worker in busy:
                worker.stop()
        ready = connection.wait([worker.connection for worker in busy], seconds)
        for worker in [worker for worker in busy if worker.connection in ready]:
            assert worker.job is not None
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                self._workers.remove(worker)
                self._ended.append(Ended(worker.job, Exit.LOST, worker.exit_words()))
                self._start_queued()
                continue
            if isinstance(message, JobEnded):
                # Kept, so that it is not lost if `on_progress` raises for another job.
                self._ended.append(Ended(worker.job, message.exit, message.why))
                worker.job = None
                if message.exit == Exit.LOST:  # out of memory, with the jobs that its GPU had
                    self._packing.ran_out(worker.device, sum(each.device == worker.device for each in busy))
                if message.exit in (Exit.CRASHED, Exit.LOST):
                    self._end(worker)  # after a CUDA error, for one, every later job in the process fails too
                self._start_queued()
            else:
                self._packing.measured(message.metrics.get(gpu_memory_metric(worker.device), 0.0))
                on_progress(
                    Progress(worker.job, message.step, message.total_steps, message.phase, message.metrics)
                )

    def close(self) -> None:
        for worker in self._workers:  # all pipes first, so that the workers end side by side
            worker.connection.close()
        for worker in self._workers:
            worker.end()
        self._workers.clear()


def _free_memory(name: str) -> dict[str, float]:
    """The devices that the workers share, each with its free memory (megabytes): all GPUs, unless one is named, or the
    CPU.

    Raises:
        UserError: one of them does not compute.
    """
    device = select_device(name)
    if device.type != "cuda":
        return {str(device): math.inf}
    count = torch.cuda.device_count()
    chosen = [f"cuda:{index}" for index in range(count)] if name in ("auto", "cuda") else [str(device)]
    return {one: torch.cuda.mem_get_info(select_device(one))[0] / 1e6 for one in chosen}


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold Ctrl-C back, here and in a process started meanwhile, which inherits this until it ignores the signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
