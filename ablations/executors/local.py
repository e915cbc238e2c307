"""`local`: worker processes of this machine, one job each, on its cores or its GPUs."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import connection, get_context, resource_tracker

import torch

from ablations.executors._base import EXECUTORS, POLL_SECONDS, Ended, Setup, SlotClock, rest
from ablations.executors._runner import give_up
from ablations.executors._worker import Cancel, Moved, Order, Over, Report, Stop, Take, work
from ablations.jobs.context import Progress
from ablations.jobs.machine import select_device, usable_cores
from ablations.jobs.plan import Job
from ablations.store import Store
from fakeface.environment import environment
from fakeface.outcomes import Exit

MOST_DEATHS = 3
"""So often may a job's process die before the job counts as crashed: one that needs too much memory never ends."""
END_SECONDS = 10.0
"""Patience with workers that are to end; a kill is safe at any instant."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What the numerical libraries read once, when they are loaded."""


class _Worker:
    """The parent's end of one process."""

    def __init__(self, setup: Setup) -> None:
        # Not forked: a fork of a process that has used CUDA or started threads may hang.
        context = get_context("spawn")
        self.connection: connection.Connection[Order, Report]
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(setup, theirs), name="ablations-worker")
        resource_tracker.ensure_running()  # the first start of a process would, and let Ctrl-C through
        threads = dict.fromkeys(THREAD_VARIABLES, str(setup.threads))
        with environment(threads), _interrupts_held_back():
            self.process.start()
        theirs.close()  # so that the pipe closes when the worker dies

    def tell(self, order: Order) -> None:
        with contextlib.suppress(OSError):  # it died, as the pipe's end says when it is read
            self.connection.send(order)

    def end(self) -> None:
        """Wait for a process whose pipe is closed; returns when it is gone."""
        self.connection.close()
        self.process.join(END_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def death_words(self) -> str:
        self.end()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class _Slot:
    """A place for one job, and the worker that does it: started when first needed, and again where it died."""

    def __init__(self, setup: Setup, stop: Callable[[], bool], clock: SlotClock, index: int) -> None:
        self.setup, self.stop, self.clock, self.index = setup, stop, clock, index
        self.worker: _Worker | None = None
        self.job: Job | None = None
        self.number = 0
        self.deaths = 0
        self.cancelled: str | None = None
        self.told_to_stop = False
        self.diagnosed = -1

    def give(self, job: Job) -> None:
        self.job, self.deaths, self.cancelled, self.diagnosed = job, 0, None, -1
        self.number += 1
        self.clock.begin(self.index)
        self._send_job(job)

    def _send_job(self, job: Job) -> None:
        if self.worker is not None and not self.worker.process.is_alive():
            self.retire()
        if self.worker is None:
            self.worker, self.told_to_stop = _Worker(self.setup), False
        self.worker.tell(Take(self.number, job))
        if self.cancelled is not None:
            self.worker.tell(Cancel(self.number, self.cancelled))

    def cancel(self, why: str) -> None:
        self.cancelled = why
        if self.worker is not None:
            self.worker.tell(Cancel(self.number, why))

    def heed_stop(self) -> None:
        if self.worker is not None and self.stop() and not self.told_to_stop:
            self.told_to_stop = True
            self.worker.tell(Stop())

    def retire(self) -> None:
        """End the worker; the next job gets another one."""
        if self.worker is not None:
            self.worker.end()
            self.worker = None

    def hear(self, on_progress: Callable[[Progress], None]) -> Ended | None:
        """Take in one report, which is there or about to be; what it means if it ends the job."""
        assert self.worker is not None
        assert self.job is not None
        try:
            report = self.worker.connection.recv()
        except (EOFError, OSError):
            return self._died(self.job)
        if isinstance(report, Over):
            if report.exit == Exit.CRASHED:
                self.retire()  # a CUDA error, say, leaves a process in which every later job fails too
            return self._free(Ended(self.job, report.exit, report.why), report.at)
        self._pass_on(self.job, report, on_progress)
        return None

    def _pass_on(self, job: Job, report: Moved, on_progress: Callable[[Progress], None]) -> None:
        if report.phase == "diagnosed":
            if report.step <= self.diagnosed:  # told before its worker died
                return
            self.diagnosed = report.step
        on_progress(Progress(job, report.step, report.total_steps, report.phase, report.metrics))

    def _died(self, job: Job) -> Ended | None:
        """Another worker goes on from the checkpoint, unless that has been tried enough."""
        assert self.worker is not None
        words = self.worker.death_words()
        self.worker = None
        self.deaths += 1
        if self.stop():
            return self._free(Ended(job, Exit.INTERRUPTED))
        if self.deaths < MOST_DEATHS:
            self._send_job(job)
            return None
        why = f"its process died {self.deaths} times, the last time by {words}"
        return self._free(give_up(job, Store(self.setup.root), why))

    def _free(self, ended: Ended, at: float | None = None) -> Ended:
        self.job = None
        self.clock.end(self.index, at)
        return ended


@EXECUTORS.register("local")
class Local:
    """See `Executor`. A worker that dies takes no job with it: another one goes on from the job's checkpoint."""

    def __init__(self, setup: Setup, jobs: int, stop: Callable[[], bool]) -> None:
        self.slots, self.stop = self.slots_for(setup.device, jobs), stop
        self._clock = SlotClock(self.slots)
        devices = _devices(setup.device)
        self._slots = [
            _Slot(replace(setup, device=devices[index % len(devices)]), stop, self._clock, index)
            for index in range(self.slots)
        ]
        self._ended: list[Ended] = []

    @staticmethod
    def slots_for(device: str, asked: int | None) -> int:
        devices = _devices(device)
        return asked or (usable_cores() if devices == ["cpu"] else len(devices))

    def submit(self, job: Job) -> None:
        free = next((slot for slot in self._slots if slot.job is None), None)
        if free is None:
            raise ValueError(f"{job.name}: all {self.slots} slots have a job; wait for one to end")
        free.give(job)

    def cancel(self, job: Job, why: str) -> None:
        for slot in self._slots:
            if slot.job == job:
                slot.cancel(why)

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while any(slot.job is not None for slot in self._slots) and not self._ended:
            left = POLL_SECONDS if deadline is None else min(POLL_SECONDS, deadline - time.monotonic())
            if left <= 0:
                break
            self._hear(on_progress, left)
        else:
            if not self._ended and deadline is not None:
                rest(deadline - time.monotonic(), self.stop)
        ended, self._ended = self._ended, []
        return ended

    def _hear(self, on_progress: Callable[[Progress], None], seconds: float) -> None:
        """One report of each worker that has one within some seconds."""
        for slot in self._slots:
            slot.heed_stop()
        busy = [(slot.worker.connection, slot) for slot in self._slots if slot.job and slot.worker]
        ready = connection.wait([pipe for pipe, _ in busy], seconds)
        for slot in [slot for pipe, slot in busy if pipe in ready]:
            ended = slot.hear(on_progress)
            if (
                ended is not None
            ):  # kept, not returned: should `on_progress` raise for another job, it is not lost
                self._ended.append(ended)

    def idle_share(self) -> float:
        return self._clock.idle_share()

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self._slots:  # all pipes first, so that the workers end side by side
            if slot.worker is not None:
                slot.worker.connection.close()
        for slot in self._slots:
            slot.retire()


def _devices(name: str) -> list[str]:
    """The devices that the workers share out: all GPUs, unless one is named, or the CPU."""
    device = select_device(name)
    if device.type == "cuda" and name in ("auto", "cuda"):
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(device)]


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C waits, here and in a process started meanwhile, which inherits this until it ignores them itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
