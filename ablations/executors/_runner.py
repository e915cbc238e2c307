"""Runs one job under its lock, in whatever process: trains it, scores it again, or finds it done."""

from collections.abc import Callable
from pathlib import Path

import torch
from filelock import Timeout

from ablations.code import user as user_modules
from ablations.executors._base import Ended, WorkerConfig
from ablations.jobs.context import Context
from ablations.jobs.machine import configure, select_device
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from ablations.jobs.scoring import Scorers, rescore
from ablations.jobs.session import name_job, run_job
from ablations.jobs.status import Status, lacking_scores, state_of
from ablations.store import Store, check_no_links, data_key, job_lock
from ablations.store.history import History
from ablations.store.journal import Journal
from ablations.store.locks import lock_of
from fakeface import data
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.locks import why_refused, why_stuck
from fakeface.outcomes import COMPLETE, Exit


class JobRunner:
    """Runs jobs one after another and keeps what they share: images, extractors, reference statistics."""

    def __init__(self, config: WorkerConfig) -> None:
        """Sets the process's number of threads. Raises UserError if the device does not exist."""
        self.config, self.store, self.device = config, Store(config.root), select_device(config.device)
        configure(self.device, config.threads)
        self._images: dict[DataConfig, ImageSet] = {}
        self._scorers = Scorers(self.images, self.store.reference, self.device)

    def images(self, job: Job) -> ImageSet:
        """The job's prepared data. Raises UserError if they are not the data that the job was planned with."""
        key = data_key(job.config.data)
        found = self._images.get(key) or data.find(key, self.store.data)
        if found is None or found.digest != job.data_digest:
            words = "are gone" if found is None else "changed"
            raise UserError(
                f"{job.name}: its data {words} since the command began; the same command prepares them"
            )
        return self._images.setdefault(key, found)

    def run(
        self,
        job: Job,
        stop: Callable[[], bool],
        cancelled: Callable[[], str | None],
        on_progress: Callable[[Progress], None],
    ) -> Ended:
        """Run a job to its end. Never raises: an error of one job must not stop the others.

        A job for which the GPU's memory does not suffice ends `lost`: it may fit later, with fewer beside it.

        Args:
            stop: returns True once the job must stop after the current step, as `interrupted`.
            cancelled: why the job must stop after the current step, as `pruned`; None while it need not.
        """
        context = Context(
            images=self.images,
            scorer=self._scorers,
            device=self.device,
            git=self.config.git,
            stop=stop,
            cancelled=cancelled,
            on_progress=on_progress,
            allow_inexact=self.config.allow_inexact,
        )
        if stop():
            return Ended(job, Exit.INTERRUPTED)
        try:
            user_modules.load(job.imports)
            return _run_with_lock(job, self.store, context)
        except UserError as error:
            return Ended(job, Exit.REFUSED, str(error))
        except torch.OutOfMemoryError as error:
            return Ended(job, Exit.LOST, str(error).partition(". ")[0])
        except Exception as error:
            return Ended(job, Exit.CRASHED, f"{type(error).__name__}: {error}")


def record_crash(job: Job, store: Store, why: str) -> Ended:
    """End a job whose process died repeatedly. Its journal gets the outcome, if it has one that can be locked."""
    folder = store.find(job.identity)
    if folder is None or not (folder / "journal.jsonl").exists():
        return Ended(job, Exit.CRASHED, why)
    try:
        with job_lock(folder).acquire(timeout=0), Journal(folder / "journal.jsonl") as journal:
            history = store.history(folder)
            complete = history.outcome is not None and history.outcome["exit"] in COMPLETE
            if history.sessions and not complete:  # a complete job died while kept weights were scored again
                fields = outcome_fields(history, Exit.CRASHED, evidence=why, steps=history.last_step)
                journal.append("outcome", **fields)
                journal.sync()
    except (Timeout, UserError, OSError) as error:
        return Ended(job, Exit.CRASHED, f"{why} (not journaled: {error})")
    return Ended(job, Exit.CRASHED, why)


def _run_with_lock(job: Job, store: Store, context: Context) -> Ended:
    folder = store.folder_for(job.plain, job.seed, job.identity)
    check_no_links(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = job_lock(folder).acquire(timeout=0)
    except Timeout:
        stuck = why_stuck(lock_of(folder))
        return Ended(job, Exit.REFUSED, stuck) if stuck else Ended(job, Exit.BUSY)
    except OSError as error:
        return Ended(job, Exit.REFUSED, f"{folder}: cannot work here: {why_refused(error)}")
    with lock:
        if not folder.exists():  # `--rerun` archived it after our mkdir
            return Ended(job, Exit.BUSY)
        exit_ = _train_or_score(job, folder, store, context)
        return Ended(job, exit_, _why(exit_, store.history(folder), context))


def _train_or_score(job: Job, folder: Path, store: Store, context: Context) -> str:
    """Do what the job still needs. The caller holds the lock, so the state read here cannot change."""
    state = state_of(job, store, locked=True)
    if state.status not in (Status.DONE, Status.RE_SCORE) or state.history is None:
        return run_job(job, folder, context)
    with Journal(state.history.path) as journal:
        name_job(job, journal, state.history)
    if state.status == Status.RE_SCORE:
        rescore(job, folder, context)
        if lacking_scores(job, store.history(folder)):
            return Exit.INTERRUPTED
    return state.exit


def _why(exit_: str, history: History, context: Context) -> str:
    if exit_ == Exit.CRASHED and history.outcome is not None:
        return f"{history.outcome['evidence']['exit']} (traceback in {history.path})"
    return context.cancelled() or "" if exit_ == Exit.PRUNED else ""
