"""Optuna's own dashboard on a study, on 127.0.0.1, for reading."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage

from fakeface.errors import UserError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
READING = ("GET", "HEAD")


def check_installed() -> None:
    """Raise UserError if the extra is not installed."""
    try:
        import optuna_dashboard  # noqa: F401
    except ImportError:
        raise UserError(
            "the dashboard is an extra: pip install -e '.[dashboard]' -c constraints.txt"
        ) from None


def serve(storage: BaseStorage, port: int, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C. `on_ready` is called once it listens. Raises UserError if the port is in use."""
    from optuna_dashboard import wsgi

    try:
        server = make_server(HOST, port, guarded(wsgi(storage), port), _Server, _QuietHandler)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror or error}; choose another") from error
    with server, suppress(KeyboardInterrupt):
        on_ready()
        server.serve_forever()


def guarded(app: "WSGIApplication", port: int) -> "WSGIApplication":
    """An application that changes nothing and answers only its own pages.

    The dashboard itself checks neither, so that any web page in the user's browser could read or delete the study:
    a page of another site sends its `Origin`, and one whose name was pointed at 127.0.0.1 sends that name as `Host`.
    """
    hosts = [name if port == 80 else f"{name}:{port}" for name in (HOST, "localhost")]
    origins = [None, *(f"http://{host}" for host in hosts)]

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("HTTP_HOST") not in hosts or environ.get("HTTP_ORIGIN") not in origins:
            words = f"Only for pages of http://{hosts[0]}."
        elif environ["REQUEST_METHOD"] not in READING:
            words = "Read-only: `ablate tune` owns the study."
        else:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [words.encode()]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are not printed."""
