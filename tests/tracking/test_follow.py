"""The process that ships while jobs train: it follows, ends when told or orphaned, and harms nobody when
killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ablations.store import Store, job_lock
from ablations.tracking import MirrorProcess, SyncReport, loop, server, sync
from ablations.tracking.loop import pending
from tests.tracking_jobs import POINTS, Job, check_mirrored, new_store, run_of

WAIT = 240.0
"""Seconds that a test waits at most for what must happen."""


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path)


def test_following_picks_up_what_is_appended_and_ends_when_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.0)
    job = Job(store)
    passes: list[SyncReport] = []

    def train(report: SyncReport) -> None:
        passes.append(report)
        number = len(passes)
        if number == 1:
            job.session()
        elif number <= 4:
            job.steps(10 * number - 19, 10 * number - 10)
        elif number == 5:
            job.outcome()

    report = sync(store, store.tracking_uri, follow=True, stop=lambda: len(passes) >= 6, on_progress=train)
    assert report.complete
    check_mirrored(store, job)
    run = run_of(store, job)
    assert run.info.status == "FINISHED"


@pytest.mark.slow
def test_the_mirror_ships_while_a_job_trains_and_closes_when_all_is_there(store: Store) -> None:
    job = Job(store, log_model=True)
    with job_lock(job.folder):
        mirror = MirrorProcess(store, store.tracking_uri)
        job.session()
        job.steps(1, 10)
        wait_until(lambda: pending(store, store.tracking_uri).points == 0)
        job.steps(11, 30)
        job.outcome()
    assert not mirror.close(WAIT)
    check_mirrored(store, job)
    run = run_of(store, job)
    assert run.info.status == "FINISHED"
    assert len(run.outputs.model_outputs) == 1


PARENT = """
import sys, time
from pathlib import Path
from ablations.store import Store
from ablations.tracking import MirrorProcess
store = Store(Path(sys.argv[1]))
print(MirrorProcess(store, store.tracking_uri)._process.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie that nobody collects counts)."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_when_the_parent_is_killed_the_mirror_ships_what_is_there_and_ends(store: Store) -> None:
    job = Job(store).whole()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    mirror = int(parent.stdout.readline())
    assert os.getpgid(mirror) == mirror  # Ctrl-C in the terminal does not reach it
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: gone(mirror))
    assert not pending(store, store.tracking_uri)
    check_mirrored(store, job)


@pytest.mark.slow
def test_a_mirror_killed_while_it_ships_loses_nothing_and_doubles_nothing(store: Store) -> None:
    jobs = [Job(store, f"run{i}").whole() for i in range(3)]
    everything = pending(store, store.tracking_uri).points
    mirror = MirrorProcess(store, store.tracking_uri)
    assert mirror._process is not None
    wait_until(lambda: pending(store, store.tracking_uri).points < everything)
    os.killpg(mirror._process.pid, signal.SIGKILL)
    left = mirror.close(WAIT)
    assert left.points < everything
    assert sync(store, store.tracking_uri).complete
    for job in jobs:
        check_mirrored(store, job)


def test_closing_waits_no_longer_than_told_and_says_what_is_left(store: Store) -> None:
    Job(store).whole()
    mirror = MirrorProcess(store, store.tracking_uri)
    left = mirror.close(0.0)  # it has not even imported mlflow
    assert mirror._process is not None
    assert mirror._process.poll() is not None
    assert str(left) == f"{POINTS} points and 8 images of 1 job"


def test_two_that_ship_the_same_store_wait_for_each_other(store: Store) -> None:
    job = Job(store).whole()
    command = [
        sys.executable,
        "-m",
        "ablations.tracking",
        "--store",
        str(store.root),
    ]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store.tracking_uri}
    both = [subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(WAIT) for process in both] == [0, 0]
    check_mirrored(store, job)
    client = server.connect(store.tracking_uri)
    run = run_of(store, job)
    assert len(client.search_runs([run.info.experiment_id])) == 1


def test_a_read_only_store_starts_no_mirror_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "mirror").write_text("a file where the folder should be")
    mirror = MirrorProcess(Store(tmp_path), Store(tmp_path).tracking_uri)
    assert not mirror.close(1.0)
