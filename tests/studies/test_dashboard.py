"""The dashboard answers its own pages only, and changes nothing."""

import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ablations.cli.app import app
from ablations.studies import dashboard
from ablations.studies.storage import storage_of
from fakeface.errors import UserError


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches an application in the dashboard's place."""
    requests: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        requests.append(environ["REQUEST_METHOD"])
        start_response("200 OK", [])
        return [b"the study"]

    monkeypatch.setitem(sys.modules, "optuna_dashboard", SimpleNamespace(wsgi=lambda _: app))
    return requests


@pytest.fixture
def port(seen: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:  # noqa: ARG001
    """The port of a served study."""
    servers: list[Any] = []
    make = dashboard.make_server
    monkeypatch.setattr(
        dashboard, "make_server", lambda *options: servers.append(make(*options)) or servers[0]
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    thread = threading.Thread(target=dashboard.serve, args=(storage_of(tmp_path, None), number))
    thread.start()
    while not servers:
        assert thread.is_alive()
        thread.join(0.01)
    yield number
    servers[0].shutdown()
    thread.join()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("HEAD", {}, 200),
        ("GET", {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, 200),
        ("GET", {"Host": "attacker.example:{port}"}, 403),
        ("GET", {"Host": "127.0.0.1"}, 403),
        ("GET", {"Origin": "http://attacker.example"}, 403),
        ("GET", {"Origin": "null"}, 403),
        ("DELETE", {}, 403),
        ("POST", {"Origin": "http://127.0.0.1:{port}"}, 403),
        ("PUT", {}, 403),
    ],
)
def test_only_reads_of_its_own_pages_are_answered(
    port: int, seen: list[str], method: str, headers: dict[str, str], status: int
):
    connection = HTTPConnection("127.0.0.1", port)
    connection.request(method, "/api/studies/0", headers={k: v.format(port=port) for k, v in headers.items()})
    assert connection.getresponse().status == status
    assert seen == ([method] if status == 200 else [])
    connection.close()


def test_a_port_in_use_is_an_error_in_words(seen: list[str], tmp_path: Path):  # noqa: ARG001
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {number}: Address already in use"):
            dashboard.serve(storage_of(tmp_path, None), number)


def test_a_missing_extra_is_the_first_thing_that_the_command_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    done = CliRunner().invoke(app, ["tune", "any", "--dashboard", "--spec", str(tmp_path / "missing.yaml")])
    assert "the dashboard is an extra: pip install" in str(done.exception)
