"""`local`: worker processes of this machine, one job each, on its CPU cores or its GPUs."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import connection, get_context, resource_tracker

import torch

from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import record_crash
from ablations.executors._worker import (
    CancelJob,
    FromWorker,
    JobEnded,
    JobProgress,
    RunJob,
    StopAll,
    ToWorker,
    run_worker,
)
from ablations.jobs.context import Progress
from ablations.jobs.machine import select_device
from ablations.jobs.plan import Job
from ablations.store import Store
from fakeface.environment import environment, thread_variables, usable_cores
from fakeface.outcomes import Exit

POLL_SECONDS = 0.1
"""How often `wait` checks `stop`."""
MAX_DEATHS = 3
"""Deaths of a job's process after which the job counts as crashed; one that needs too much memory would never end."""
END_SECONDS = 10.0
"""Seconds that a worker has to end before it is killed, which is safe at any instant."""


class _Worker:
    """The parent's end of one process."""

    def __init__(self, config: WorkerConfig) -> None:
        # Not forked: a fork of a process that has used CUDA or started threads may hang.
        context = get_context("spawn")
        self.connection: connection.Connection[ToWorker, FromWorker]
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=run_worker, args=(config, theirs), name="ablations-worker")
        resource_tracker.ensure_running()  # else the first process to start it would let Ctrl-C through
        with environment(thread_variables(config.threads)), _interrupts_blocked():
            self.process.start()
        theirs.close()  # so that the pipe closes when the worker dies

    def send(self, message: ToWorker) -> None:
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
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class _Slot:
    """A place for one job, with a worker that is started when first needed, and again after it died."""

    def __init__(self, config: WorkerConfig, stop: Callable[[], bool]) -> None:
        self.config, self.stop = config, stop
        self.worker: _Worker | None = None
        self.job: Job | None = None
        self.number = 0
        self.deaths = 0
        self.cancelled: str | None = None
        self.stop_sent = False
        self.last_diagnosis = -1

    def start(self, job: Job) -> None:
        self.job, self.deaths, self.cancelled, self.last_diagnosis = job, 0, None, -1
        self.number += 1
        self._send_job(job)

    def _send_job(self, job: Job) -> None:
        if self.worker is not None and not self.worker.process.is_alive():
            self.end_worker()
        if self.worker is None:
            self.worker, self.stop_sent = _Worker(self.config), False
        self.worker.send(RunJob(self.number, job))
        if self.cancelled is not None:
            self.worker.send(CancelJob(self.number, self.cancelled))

    def cancel(self, why: str) -> None:
        self.cancelled = why
        if self.worker is not None:
            self.worker.send(CancelJob(self.number, why))

    def forward_stop(self) -> None:
        if self.worker is not None and self.stop() and not self.stop_sent:
            self.stop_sent = True
            self.worker.send(StopAll())

    def end_worker(self) -> None:
        """The next job gets another worker."""
        if self.worker is not None:
            self.worker.end()
            self.worker = None

    def receive(self, on_progress: Callable[[Progress], None]) -> Ended | None:
        """Read one message, which is there or about to be. Returns the job's end, if that is what it says."""
        assert self.worker is not None
        assert self.job is not None
        try:
            message = self.worker.connection.recv()
        except (EOFError, OSError):
            return self._on_death(self.job)
        if isinstance(message, JobEnded):
            if message.exit == Exit.CRASHED:
                self.end_worker()  # after a CUDA error, for one, every later job in the process fails too
            return self._free(Ended(self.job, message.exit, message.why, message.at))
        self._forward_progress(self.job, message, on_progress)
        return None

    def _forward_progress(
        self, job: Job, message: JobProgress, on_progress: Callable[[Progress], None]
    ) -> None:
        if message.phase == "diagnosed":
            if message.step <= self.last_diagnosis:  # reported before the worker died
                return
            self.last_diagnosis = message.step
        on_progress(Progress(job, message.step, message.total_steps, message.phase, message.metrics))

    def _on_death(self, job: Job) -> Ended | None:
        """Resume the job from its checkpoint in another worker, unless that was tried often enough."""
        assert self.worker is not None
        words = self.worker.exit_words()
        self.worker = None
        self.deaths += 1
        if self.stop():
            return self._free(Ended(job, Exit.INTERRUPTED))
        if self.deaths < MAX_DEATHS:
            self._send_job(job)
            return None
        why = f"its process died {self.deaths} times, the last time by {words}"
        return self._free(record_crash(job, Store(self.config.root), why))

    def _free(self, ended: Ended) -> Ended:
        self.job = None
        return ended


@EXECUTORS.register("local")
class Local(Executor):
    """A worker that dies takes no job with it: another one resumes the job from its checkpoint."""

    def __init__(self, config: WorkerConfig, slots: int | None, stop: Callable[[], bool]) -> None:
        super().__init__(config, slots, stop)
        devices = _devices(config.device)
        self._slots = [
            _Slot(replace(config, device=devices[index % len(devices)]), stop) for index in range(self.slots)
        ]
        self._ended: list[Ended] = []

    @staticmethod
    def slots_for(device: str, requested: int | None, threads: int) -> int:
        devices = _devices(device)
        return requested or (max(1, usable_cores() // threads) if devices == ["cpu"] else len(devices))

    def submit(self, job: Job) -> None:
        free = next((slot for slot in self._slots if slot.job is None), None)
        if free is None:
            raise ValueError(f"{job.name}: all {self.slots} slots have a job; wait for one to end")
        free.start(job)

    def cancel(self, job: Job, why: str) -> None:
        for slot in self._slots:
            if slot.job == job:
                slot.cancel(why)

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._ended and any(slot.job for slot in self._slots):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._receive(on_progress, min(POLL_SECONDS, left))
        ended, self._ended = self._ended, []
        return ended

    def _receive(self, on_progress: Callable[[Progress], None], seconds: float) -> None:
        """Read one message of each worker that has one within some seconds."""
        for slot in self._slots:
            slot.forward_stop()
        busy = [(slot.worker.connection, slot) for slot in self._slots if slot.job and slot.worker]
        ready = connection.wait([pipe for pipe, _ in busy], seconds)
        for slot in [slot for pipe, slot in busy if pipe in ready]:
            ended = slot.receive(on_progress)
            if ended is not None:  # kept, so that it is not lost if `on_progress` raises for another job
                self._ended.append(ended)

    def close(self) -> None:
        for slot in self._slots:  # all pipes first, so that the workers end side by side
            if slot.worker is not None:
                slot.worker.connection.close()
        for slot in self._slots:
            slot.end_worker()


def _devices(name: str) -> list[str]:
    """The devices that the workers share: all GPUs, unless one is named, or the CPU.

    Raises:
        UserError: one of them does not compute.
    """
    device = select_device(name)
    if device.type == "cuda" and name in ("auto", "cuda"):
        return [str(select_device(f"cuda:{index}")) for index in range(torch.cuda.device_count())]
    return [str(device)]


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold Ctrl-C back, here and in a process started meanwhile, which inherits this until it ignores the signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
