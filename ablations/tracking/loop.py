"""Ships all journals and results of a store: once, or continuously while jobs run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import AcquireReturnProxy, FileLock, Timeout

from ablations.store import Store
from ablations.store.history import stamp_of
from ablations.store.locks import lock_of
from ablations.tracking import server
from ablations.tracking.refusals import Refusal, in_words, meaning
from ablations.tracking.results import ResultShipper, is_shipped, published_results
from ablations.tracking.ship import JobShipper
from ablations.tracking.shipped import Pending, pending_jobs
from ablations.tracking.views import ViewShipper
from fakeface.locks import wait_for
from fakeface.terminal import without_credentials

if TYPE_CHECKING:
    from mlflow import MlflowClient

POLL_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0
QUIET_SECONDS = 10.0
"""A journal that grew within this time has a writer, so its lock is not tried, which could get in a starting job's
way."""
PASS_SECONDS = 6 * 3600.0
"""For one pass. Another process that shipped for longer is stuck."""
GRACE_SECONDS = 15.0
"""How long a follower keeps trying to ship the rest after `stop`."""


@dataclass
class SyncReport:
    """The result of one pass over the journals."""

    pending: Pending = field(default_factory=Pending)
    errors: dict[str, str] = field(default_factory=dict)
    """Why something is left, by job folder, or by the URI if nothing could be shipped."""
    problems: dict[str, list[str]] = field(default_factory=dict)
    """What can never be shipped (a missing picture, for example), by job folder."""

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
    """Ship everything that MLflow has not acknowledged. MLflow's errors are reported in `errors`, not raised.

    Without `follow`, makes one pass over all journals, which `stop` ends between two requests. With `follow`, repeats
    passes until `stop()` is true and everything is shipped, or for at most GRACE_SECONDS after it; the interval doubles
    after each failure. Waits for a pass of another process over the same store and URI.
    """
    mirror = _Mirror(store, uri, stop)
    delay, deadline = POLL_SECONDS, float("inf")
    with server.settings():
        while True:
            stopping = stop()
            if stopping:
                deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
            report = mirror.run_pass(thorough=stopping or not follow, abort=_never if follow else stop)
            if on_progress is not None:
                on_progress(report)
            if not follow or (stopping and (report.complete or time.monotonic() > deadline)):
                return report
            delay = min(delay * 2, MAX_BACKOFF_SECONDS) if report.errors else POLL_SECONDS
            _sleep(min(delay, GRACE_SECONDS / 8) if stopping else delay, _never if stopping else stop)


def pending(store: Store, uri: str) -> Pending:
    """What is left to ship, from the store's files alone: the server is not contacted."""
    results = [result.name for result in published_results(store) if not is_shipped(store, uri, result)]
    return Pending(pending_jobs(store, uri), tuple(results))


class _Mirror:
    """The passes of one process over one store and URI."""

    def __init__(self, store: Store, uri: str, stop: Callable[[], bool]) -> None:
        self.store, self.uri, self.stop = store, uri, stop
        self.verified: set[str] = set()
        """Jobs whose run this process has seen in MLflow."""
        self.results = ResultShipper(store, uri)
        self.views = ViewShipper(store, uri)
        self.settled: dict[str, tuple[int, int]] = {}
        """Size and time of journals that are completely shipped, so that a pass need not read a hundred old jobs."""

    def run_pass(self, *, thorough: bool, abort: Callable[[], bool]) -> SyncReport:
        """One pass. `thorough`: tell dead jobs from quiet ones, and count what is left."""
        report = SyncReport()
        try:
            with self._lock(abort):
                self._ship_all(report, thorough, abort)
        except Timeout:
            report.errors[without_credentials(self.uri)] = "another process is shipping"
        except Exception as error:  # no failure of the mirror may reach training
            report.errors[without_credentials(self.uri)] = in_words(error, self.uri)
        if thorough or report.errors:
            report.pending = pending(self.store, self.uri)
        return report

    def _ship_all(self, report: SyncReport, thorough: bool, abort: Callable[[], bool]) -> None:
        if server.prepare(self.store, self.uri):
            self.verified.clear()
            self.settled.clear()
            self.results = ResultShipper(self.store, self.uri)
        if self.uri == self.store.tracking_uri:
            server.relocate(self.store.root / "mlflow.db")
        client = server.connect(self.uri, self.stop)
        shippers = self._ship_jobs(report, client, thorough, abort)
        for result in published_results(self.store):
            self._attempt(report, result.name, partial(self.results.ship, client, result, abort))
        for shipper in shippers:
            self.views.seen(shipper.folder.name, shipper.shipped)
        self._attempt(report, "the views", partial(self.views.ship, client, abort))
        report.problems |= {one.folder.name: one.problems for one in shippers if one.problems}
        if isinstance(client, server.ServerClient) and client.problem:
            report.problems[without_credentials(self.uri)] = [client.problem]

    def _ship_jobs(
        self, report: SyncReport, client: "MlflowClient", thorough: bool, abort: Callable[[], bool]
    ) -> list[JobShipper]:
        """Ship journals, then models. Returns the shippers of the jobs that had anything left."""
        shippers: list[JobShipper] = []
        healthy: list[tuple[JobShipper, tuple[int, int] | None]] = []
        for folder in self.store.job_folders():
            signature = stamp_of(folder)
            if signature is not None and self.settled.get(folder.name) == signature:
                continue
            # Created only now, since `--rerun` may replace a journal while others are shipped.
            shippers.append(shipper := JobShipper(self.store, self.uri, client, folder))
            if self._attempt(report, folder.name, partial(self._ship, shipper, thorough, abort)):
                healthy.append((shipper, signature))
        for shipper, _ in healthy:
            # Exporting a model takes seconds: all journals come first, and a follower ships one model a pass.
            if abort():
                break
            if self._attempt(report, shipper.folder.name, shipper.ship_model) is True and not thorough:
                break
        self.settled |= {one.folder.name: known for one, known in healthy if known and one.is_settled}
        return shippers

    def _attempt(self, report: SyncReport, name: str, work: Callable[[], object]) -> object:
        """Ship a job or a result. Reports an error that concerns it alone, and raises any other."""
        try:
            return work()
        except Exception as error:
            if meaning(error) in (Refusal.SERVER, Refusal.UNSUPPORTED):
                raise
            report.errors[name] = in_words(error, self.uri)
            self.verified.discard(name)
            return None

    def _ship(self, shipper: JobShipper, thorough: bool, abort: Callable[[], bool]) -> bool:
        """Ship a journal's records and set the status. Recreates a run that MLflow no longer has."""
        name = shipper.folder.name
        if name not in self.verified and not shipper.run_exists():
            shipper.forget()
        self.verified.add(name)
        try:
            shipper.ship(abort)
        except Exception as error:
            if meaning(error) is not Refusal.GONE:
                raise
            shipper.forget()
            shipper.ship(abort)
        if not abort():
            shipper.settle(probe=thorough or _is_quiet(shipper.path))
            shipper.upload_journal()
        return True

    def _lock(self, abort: Callable[[], bool]) -> AcquireReturnProxy[FileLock]:
        """Acquire the lock of this store and URI.

        Raises Timeout if `abort` comes true while another process has it, FileNotFoundError if the store is gone, and
        UserError if the lock may never become free.
        """
        if not self.store.jobs.is_dir():  # moved, perhaps; its old place must not come back
            raise FileNotFoundError(f"{self.store.root}: no store here any more")
        folder = self.store.mirror_of(self.uri)
        folder.mkdir(parents=True, exist_ok=True)
        return wait_for(lock_of(folder), PASS_SECONDS, abort)


def _is_quiet(path: Path) -> bool:
    return path.exists() and time.time() - path.stat().st_mtime > QUIET_SECONDS


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, until `stop` returns True at the latest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop():
        time.sleep(0.1)


def _never() -> bool:
    return False
