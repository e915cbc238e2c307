"""All journals of a store, shipped once or followed until told to stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.findings import FindingShipper, findings
from ablations.tracking.pending import Pending, pending
from ablations.tracking.ship import JobShipper
from ablations.tracking.state import folder_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

POLL_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0
QUIET_SECONDS = 10.0
"""A journal that grew within this time has a living writer: its lock need not be tried, which could get in a
starting job's way."""
GRACE_SECONDS = 15.0
"""How long a follower that was told to stop goes on trying to ship the rest."""


@dataclass
class SyncReport:
    """What one pass over the journals came to."""

    pending: Pending = field(default_factory=Pending)
    errors: dict[str, str] = field(default_factory=dict)
    """Why something is left, in words, by job folder, or by the URI where nothing could be shipped."""
    problems: dict[str, list[str]] = field(default_factory=dict)
    """What can never be shipped (a picture that is gone), by job folder."""

    @property
    def complete(self) -> bool:
        return not self.pending and not self.errors


def sync(
    store: Store,
    uri: str,
    *,
    follow: bool = False,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[SyncReport], None] | None = None,
) -> SyncReport:
    """Ship everything that MLflow has not acknowledged. Never raises an error of MLflow's: see the report's
    `errors`.

    Without `follow`, one pass over all journals; `stop` ends it between two requests. With `follow`, passes
    go on until `stop()` and everything is shipped, at most GRACE_SECONDS longer; after a failure they come at
    doubling intervals. A pass over the same store and URI in another process is waited for.
    """
    mirror = _Mirror(store, uri)
    delay, deadline = POLL_SECONDS, float("inf")
    with server.settings():
        while True:
            stopping = stop()
            if stopping:
                deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
            report = mirror.round(thorough=stopping or not follow, abort=_never if follow else stop)
            if on_progress is not None:
                on_progress(report)
            if not follow or (stopping and (report.complete or time.monotonic() > deadline)):
                return report
            delay = min(delay * 2, MAX_BACKOFF_SECONDS) if report.errors else POLL_SECONDS
            _sleep(min(delay, GRACE_SECONDS / 8) if stopping else delay, stop, waking=not stopping)


class _Mirror:
    """The passes of one process over one store and URI."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store, self.uri = store, uri
        self.verified: set[str] = set()
        """Jobs whose run was seen in MLflow by this process."""
        self.findings = FindingShipper(store, uri)
        self.settled: dict[str, tuple[int, int]] = {}
        """Size and time of journals of which nothing is left, so that a pass need not look at a hundred old jobs."""

    def round(self, *, thorough: bool, abort: Callable[[], bool]) -> SyncReport:
        """One pass. `thorough`: tell dead jobs from quiet ones at once, and count what is left."""
        report = SyncReport()
        try:
            with self._alone(abort):
                self._pass(report, thorough, abort)
        except Timeout:
            report.errors[self.uri] = "another process is shipping"
        except Exception as error:  # nothing that goes wrong with the mirror may reach training
            report.errors[self.uri] = server.in_words(error)
        if thorough or report.errors:
            report.pending = pending(self.store, self.uri)
        return report

    def _pass(self, report: SyncReport, thorough: bool, abort: Callable[[], bool]) -> None:
        if server.prepare(self.store, self.uri):
            self.verified.clear()
            self.settled.clear()
            self.findings = FindingShipper(self.store, self.uri)
        client = server.connect(self.uri)
        shippers = self._ship_jobs(report, client, thorough, abort)
        for finding in findings(self.store):
            self._attempt(report, finding.name, partial(self.findings.ship, client, finding, abort))
        report.problems |= {one.folder.name: one.problems for one in shippers if one.problems}

    def _ship_jobs(
        self, report: SyncReport, client: "MlflowClient", thorough: bool, abort: Callable[[], bool]
    ) -> list[JobShipper]:
        """Ship what journals hold, then models; return the shippers of the jobs that were not settled before."""
        shippers: list[JobShipper] = []
        healthy: list[tuple[JobShipper, tuple[int, int] | None]] = []
        for folder in self.store.job_folders():
            signature = _signature(folder)
            if signature is not None and self.settled.get(folder.name) == signature:
                continue
            # Made only now: while the jobs before it were shipped, a `--rerun` may have replaced its journal.
            shippers.append(shipper := JobShipper(self.store, self.uri, client, folder))
            if self._attempt(report, folder.name, partial(self._ship, shipper, thorough, abort)):
                healthy.append((shipper, signature))
        for shipper, _ in healthy:
            # Exporting a model takes seconds: other journals come first, and following, one model a pass.
            if abort():
                break
            if self._attempt(report, shipper.folder.name, shipper.ship_model) is True and not thorough:
                break
        self.settled |= {one.folder.name: known for one, known in healthy if known and one.is_settled}
        return shippers

    def _attempt(self, report: SyncReport, name: str, work: Callable[[], object]) -> object:
        """Ship a job or a finding; note an error that is its own, and raise one that concerns them all."""
        try:
            return work()
        except Exception as error:
            if not server.is_about_one_job(error):
                raise
            report.errors[name] = server.in_words(error)
            self.verified.discard(name)
            return None

    def _ship(self, shipper: JobShipper, thorough: bool, abort: Callable[[], bool]) -> bool:
        """Ship a journal's records and set the status; a run that MLflow no longer has is made anew."""
        name = shipper.folder.name
        if name not in self.verified and not shipper.run_exists():
            shipper.forget()
        self.verified.add(name)
        try:
            shipper.ship(abort)
        except Exception as error:
            if not server.is_gone(error):
                raise
            shipper.forget()
            shipper.ship(abort)
        if not abort():
            shipper.settle(probe=thorough or _is_quiet(shipper.path))
            shipper.ship_journal()
        return True

    def _alone(self, abort: Callable[[], bool]) -> FileLock:
        """The lock of this store and URI, acquired. Raises Timeout on `abort` while another holds it."""
        folder = folder_of(self.store, self.uri)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        while True:
            try:
                lock.acquire(timeout=0.5)
            except Timeout:
                if abort():
                    raise
            else:
                return lock


def _signature(folder: Path) -> tuple[int, int] | None:
    """Size and time of a job's journal, taken before it is read; None without one."""
    try:
        stat = (folder / "journal.jsonl").stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _is_quiet(path: Path) -> bool:
    return path.exists() and time.time() - path.stat().st_mtime > QUIET_SECONDS


def _sleep(seconds: float, stop: Callable[[], bool], *, waking: bool) -> None:
    """Wait; `waking`: no longer than until `stop` says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (waking and stop()):
        time.sleep(0.1)


def _never() -> bool:
    return False
