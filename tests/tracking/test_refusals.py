"""What servers, networks, clocks and damaged files do to a mirror, and that the user reads what helps."""

import base64
import contextlib
import http.server
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ablations.store import Store
from ablations.tracking import compare_link, serve, server, sync
from ablations.tracking.loop import pending
from ablations.tracking.refusals import in_words
from fakeface.errors import UserError
from tests.tracking_jobs import Job, check_mirrored, new_store, run_id_of, run_of
from tests.tracking_kills import run_count


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path / "store")


@contextlib.contextmanager
def answering(status: int, body: str, seen: list[str | None] | None = None) -> Iterator[str]:
    """A server that gives the same answer to everything. Yields its URI, with a password.

    `seen` gets the name and password that each request brings.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        yield f"http://ana:s3cret@127.0.0.1:{fake.server_address[1]}"
        fake.shutdown()


FORBIDDEN = json.dumps({"error_code": "PERMISSION_DENIED", "message": "Permission denied"})


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (401, "You are not authenticated" + 400 * ".", "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
        (403, "Permission denied", "ask for the permission"),
        (403, FORBIDDEN, "ask for the permission"),
        (403, "Invalid Host header", "--allowed-hosts"),
        (200, "<html>Log in, please \x1b[31m</html>", "check the address"),
        (404, "<html>Not found</html>", "check the address"),
        (500, "", "500"),
    ],
)
def test_what_a_server_refuses_is_one_line_with_its_remedy_and_no_password(
    store: Store, status: int, body: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # leads nowhere, and is not used
    for run in ("baseline", "sgd"):
        Job(store, run).whole()
    with answering(status, body) as uri:
        report = sync(store, uri)
    ((name, text),) = report.errors.items()
    assert remedy in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert not [place for place in (name, text, compare_link(store, uri, [])) if "s3cret" in place]
    assert report.pending.points > 0


@pytest.mark.parametrize("how", ["variables", "netrc"])
def test_name_and_password_come_from_variables_or_netrc(
    store: Store, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "variables":
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    else:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password s3cret")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: list[str | None] = []
    Job(store).whole()
    with answering(401, "", seen) as uri:
        report = sync(store, uri.replace("ana:s3cret@", ""))
    assert {*seen} == {f"Basic {base64.b64encode(b'ana:s3cret').decode()}"}
    assert not any(b"s3cret" in path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert "s3cret" not in str(report)


@pytest.mark.parametrize("limit", ["CALL_SECONDS", "STOP_SECONDS"])
def test_a_server_that_drips_is_left_in_time(
    store: Store, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, limit, 1.0)
    Job(store).whole()
    asked = threading.Event()

    def drip(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            asked.set()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.2)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        started = time.monotonic()
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}"
        report = sync(store, uri, stop=lambda: limit == "STOP_SECONDS" and asked.is_set())
    assert len(report.errors) == 1
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("call", ["log_inputs", "search_logged_models"])
def test_what_an_older_server_cannot_do_is_noted_once_and_the_rest_arrives(
    store: Store, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    def lacking(*_: Any, **__: Any) -> None:
        text = (
            "API request to endpoint /api/2.0/mlflow/x failed with error code 404 != 200. Response body: ''"
        )
        raise MlflowException(text, error_code=RESOURCE_DOES_NOT_EXIST)

    monkeypatch.setattr(MlflowClient, call, lacking)
    job = Job(store, log_model=call == "search_logged_models").whole()
    report = sync(store, store.tracking_uri)
    assert report.complete
    ((problem,),) = report.problems.values()
    assert "update the server" in problem
    report = sync(store, store.tracking_uri)
    assert report.complete
    assert not report.problems
    monkeypatch.undo()
    check_mirrored(store, job)


def test_an_experiment_deleted_in_the_page_comes_back(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    client = server.connect(store.tracking_uri)
    client.delete_experiment(run_of(store, job).info.experiment_id)
    new = Job(store, "sgd").whole()
    assert sync(store, store.tracking_uri).complete
    for one in (job, new):
        check_mirrored(store, one)
        assert run_of(store, one).info.lifecycle_stage == "active"


def test_a_clock_that_was_set_back_or_is_before_1970_stops_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    back, before = Job(store, "back"), None
    back.session()
    monkeypatch.setattr(time, "time", lambda: now - 10_000)
    back.steps(1, 30)
    back.outcome()
    monkeypatch.setattr(time, "time", lambda: -5_000.0)
    before = Job(store, "before").whole()
    monkeypatch.undo()
    assert sync(store, store.tracking_uri).complete
    for job in (back, before):
        info = run_of(store, job).info
        assert info.end_time >= info.start_time >= 0


@pytest.mark.parametrize("text", ['{"facts": null}', "null", "[]", '{"run_id": 5, "offset": "x"}', ""])
def test_a_damaged_note_counts_as_nothing_shipped(store: Store, text: str) -> None:
    job = Job(store).whole()
    folder = store.mirror_of(store.tracking_uri)
    folder.mkdir(parents=True)
    (folder / f"{job.folder.name}.json").write_text(text)
    assert pending(store, store.tracking_uri).points > 0


def test_a_note_of_a_run_that_cannot_exist_is_mended(store: Store) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    (note,) = store.mirror_of(store.tracking_uri).glob("*.json")
    note.write_text(note.read_text().replace(run_id_of(store, job), "../no run"))
    assert sync(store, store.tracking_uri).complete
    check_mirrored(store, job)


def test_rows_that_mlflow_holds_are_not_sent_again_after_their_note_was_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    for note in store.mirror_of(store.tracking_uri).glob("*.json"):
        note.unlink()
    sent: list[Any] = []
    log_batch = MlflowClient.log_batch

    def counting(client: MlflowClient, *arguments: Any, metrics: Any = (), **named: Any) -> None:
        sent.extend(metrics)
        log_batch(client, *arguments, metrics=metrics, **named)

    monkeypatch.setattr(MlflowClient, "log_batch", counting)
    assert sync(store, store.tracking_uri).complete
    assert len(sent) <= 1
    check_mirrored(store, job)
    assert run_count(store.tracking_uri) == 1


@pytest.mark.parametrize("where", [0, 4_096])
def test_a_damaged_database_gets_advice_that_helps(store: Store, where: int) -> None:
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    path = store.root / "mlflow.db"
    with path.open("r+b") as file:
        file.seek(where)
        file.write(b"\xff" * (path.stat().st_size - where))
    started = time.monotonic()
    ((_, text),) = sync(store, store.tracking_uri).errors.items()
    assert time.monotonic() - started < 60
    advice = "move mlflow.db, mlflow.db-wal and mlflow.db-shm out of the store, and `ablate sync` rebuilds it"
    assert text.count(advice) == 1
    assert len(text) < 500
    with pytest.raises(UserError, match=advice):
        serve(store, 5000)
    for file in store.root.glob("mlflow.db*"):
        file.unlink()
    (store.root / "mlflow.db").write_bytes(
        (new_store(store.root.parent / "b").root / "mlflow.db").read_bytes()
    )
    assert sync(store, store.tracking_uri).complete
    assert run_id_of(store, job)
    check_mirrored(store, job)


@pytest.mark.slow
def test_a_database_of_an_older_mlflow_is_upgraded_after_a_backup(tmp_path: Path) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils
    from mlflow.store.tracking.dbmodels.initial_models import Base

    store = Store(tmp_path)
    store.prepare()
    engine = utils.create_sqlalchemy_engine(store.tracking_uri)
    Base.metadata.create_all(engine)
    config = utils._get_alembic_config(store.tracking_uri)
    script = ScriptDirectory.from_config(config)
    older = list(script.walk_revisions())[1].revision
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, older)
    engine.dispose()
    job = Job(store).whole()
    report = sync(store, store.tracking_uri)
    assert report.complete, report
    check_mirrored(store, job)
    with contextlib.closing(sqlite3.connect(tmp_path / f"mlflow.db.{older}")) as backup:
        assert backup.execute("select version_num from alembic_version").fetchall() == [(older,)]


def test_a_database_of_another_users_is_not_upgraded_but_the_command_is_printed() -> None:
    error = Exception("Detected out-of-date database schema (found version 1, but expected 2). " + "x" * 400)
    assert in_words(error, "sqlite:////lab/mlflow.db").endswith(
        "`mlflow db upgrade sqlite:////lab/mlflow.db`"
    )
