"""A tracking server that dies, never lives, refuses or hangs: training's journal loses nothing, nothing is
doubled.
"""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablations.store import Store, job_lock
from ablations.tracking import MirrorProcess, server, shipped, sync
from ablations.tracking.loop import pending
from tests.mlflow_server import WAIT, Server, wait_until
from tests.tracking_jobs import (
    POINTS,
    Job,
    check_mirrored,
    journal_rows,
    mirror_rows,
    run_id_of,
    run_of,
)

pytestmark = [pytest.mark.service, pytest.mark.slow]


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server"))
    found.start()
    yield found
    found.kill()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.prepare()
    return store


def test_through_a_server_everything_arrives_and_a_second_sync_adds_nothing(
    mlflow_server: Server, store: Store
) -> None:
    uri = mlflow_server.uri
    job = Job(store, log_model=True).whole("crashed", traceback="boom")
    for _ in range(2):
        report = sync(store, uri)
        assert report.complete, report
    check_mirrored(store, job, uri)
    client = server.connect(uri)
    run = run_of(store, job, uri)
    assert (run.info.status, run.info.run_name) == ("FAILED", "baseline-s0")
    assert len(run.outputs.model_outputs) == 1
    files = {info.path for info in client.list_artifacts(run.info.run_id)}
    assert files == {
        *("config.yaml", "journal.jsonl", "git.diff", "traceback.txt"),
        *("final_grid.png", "images", "loss_curve.png"),
    }


def test_a_server_that_leaves_files_to_its_clients_gets_numbers_and_nothing_is_written_to_its_path(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, path = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("path")
    without_files = Server(root, "--no-serve-artifacts", "--default-artifact-root", str(path))
    without_files.start()
    try:
        job = Job(store, log_model=True).whole("crashed", traceback="boom")
        report = sync(store, without_files.uri)
        assert report.complete, report
        ((problem,),) = report.problems.values()
        assert str(path) in problem
        assert "start a server with --artifacts-destination" in problem
        rows = mirror_rows(without_files.uri, run_id_of(store, job, without_files.uri))
        assert rows == journal_rows(job.folder)
        assert run_of(store, job, without_files.uri).info.status == "FAILED"
        assert not [*path.rglob("*.*")]
        report = sync(store, without_files.uri)
        assert report.complete
        assert not report.problems
    finally:
        without_files.kill()


def test_a_server_killed_and_restarted_under_training_gets_every_point_once(
    mlflow_server: Server, store: Store
) -> None:
    uri = mlflow_server.uri
    job = Job(store, "outage")
    with job_lock(job.folder):
        mirror = MirrorProcess(store, uri)
        job.session()
        job.steps(1, 5)
        wait_until(lambda: pending(store, uri).points == 0)
        job.steps(6, 10)
        mlflow_server.kill()
        job.steps(11, 20)
        wait_until(lambda: b"API request" in (store.mirror / "mirror.log").read_bytes())
        assert pending(store, uri).points > 0
        mlflow_server.start()
        job.steps(21, 30)
        job.outcome()
    mirror.close(WAIT)
    assert sync(store, uri).complete
    check_mirrored(store, job, uri)
    assert run_of(store, job, uri).info.status == "FINISHED"


class Refuses(http.server.BaseHTTPRequestHandler):
    """Answers 500 to everything."""

    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def never_up() -> Iterator[str]:
    with socket.socket() as bound:  # bound, never listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{fake.server_address[1]}"
        fake.shutdown()


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    with socket.socket() as listening:  # accepts (the kernel does), and never answers
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("broken", [never_up, refusing, hanging])
def test_a_broken_server_costs_seconds_is_told_in_words_and_nothing_counts_as_shipped(
    store: Store, broken: Callable[[], contextlib.AbstractContextManager[str]]
) -> None:
    jobs = [Job(store, run).whole() for run in ("baseline", "sgd", "both")]
    with broken() as uri:
        started = time.monotonic()
        report = sync(store, uri)
        assert time.monotonic() - started < 60  # one attempt, ten seconds at most, on a busy machine
        assert not report.complete
        assert list(report.errors) == [uri]  # told once, not for each job
        assert len(report.errors[uri]) < 320
        assert "\n" not in report.errors[uri]
        assert report.pending.points == POINTS * len(jobs)
        assert [shipped.load(store, uri, job.folder.name).offset for job in jobs] == [0, 0, 0]
        assert shipped.run_ids(store, uri) == {}


@pytest.mark.parametrize("broken", [never_up, hanging])
def test_a_mirror_without_a_server_is_closed_in_time(
    store: Store, broken: Callable[[], contextlib.AbstractContextManager[str]]
) -> None:
    Job(store).whole()
    with broken() as uri:
        mirror = MirrorProcess(store, uri)
        wait_until(lambda: (store.mirror / "mirror.log").stat().st_size > 0)
        started = time.monotonic()
        left = mirror.close(3.0)
        assert time.monotonic() - started < 30
        assert left.points == POINTS
        assert mirror._process is not None
        assert mirror._process.poll() is not None
