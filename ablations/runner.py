"""Works through a plan in this process. Several such processes may share a store: a job's lock says who has it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from filelock import Timeout

from ablations.context import Context
from ablations.jobs import name_job, run_job
from ablations.journal import Journal
from ablations.plan import Job
from ablations.rescoring import rescore
from ablations.state import needs_scoring, state_of
from ablations.store import Store, job_lock
from ablations.view import View
from fakeface.errors import UserError

WAIT_SECONDS = 0.5
"""Seconds between two looks at jobs that another process works on."""


@dataclass
class Summary:
    """How the jobs of one command ended, by name."""

    exits: dict[str, str] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """0: all finished, whatever their GAN outcome; 1: some crashed; 2: some refused; 130: interrupted."""
        exits = set(self.exits.values())
        for exit_, status in (("interrupted", 130), ("crashed", 1), ("refused", 2)):
            if exit_ in exits:
                return status
        return 0


def run_plan(jobs: Sequence[Job], store: Store, context: Context, view: View) -> Summary:
    """Train or score what is not done. One job's failure never stops the others."""
    summary = Summary()
    waiting = list(jobs)
    while waiting and not context.stop():
        busy = [job for job in waiting if not _take(job, store, context, view, summary)]
        if len(busy) == len(waiting):
            _pause(context.stop)
        waiting = busy
    for job in waiting:
        summary.exits[job.name] = "interrupted"
    return summary


def _take(job: Job, store: Store, context: Context, view: View, summary: Summary) -> bool:
    """Do one job if it is free. False if another process works on it now."""
    if context.stop():
        return False
    folder = store.folder_for(job.run, job.seed, job.identity)
    lock = job_lock(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        summary.exits[job.name] = "refused"
        view.ended(job, "refused", None, f"{folder}: cannot work here: {error.strerror or error}")
        return True
    if not folder.exists():  # `--rerun` set it aside while we waited for the lock
        lock.release()
        return False
    why = ""
    try:
        exit_ = _work(job, folder, store, context)
    except UserError as error:
        exit_, why = "refused", str(error)
    except Exception as error:  # whatever it is, it must not stop the other jobs
        exit_, why = "crashed", f"{type(error).__name__}: {error}"
    finally:
        lock.release()
    history = store.history(folder)
    if exit_ == "crashed" and not why and history.outcome:
        why = f"{history.outcome['evidence']['exit']} (traceback in {history.path})"
    summary.exits[job.name] = exit_
    view.ended(job, exit_, history, why)
    return True


def _work(job: Job, folder: Path, store: Store, context: Context) -> str:
    """Whatever the job still needs. The lock is held, so nobody else changes what is read here."""
    state = state_of(job, store, locked=True)
    if state.word not in ("done", "re-score") or state.history is None:
        return run_job(job, folder, context)
    with Journal(state.history.path) as journal:
        name_job(job, journal, state.history)
    if state.word == "re-score":
        rescore(job, folder, context)
        if needs_scoring(job, store.history(folder)):
            return "interrupted"
    return state.exit


def _pause(stop: Callable[[], bool]) -> None:
    if not stop():
        time.sleep(WAIT_SECONDS)


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
