"""Optuna's own dashboard on a study, on 127.0.0.1."""

from optuna.storages import BaseStorage

from fakeface.errors import UserError

HOST = "127.0.0.1"


def serve(storage: BaseStorage, port: int) -> None:
    """Serve until Ctrl-C. Raises UserError if the extra is not installed, or if the port is in use."""
    try:
        from optuna_dashboard import run_server
    except ImportError:
        raise UserError(
            "the dashboard is an extra: pip install -e '.[dashboard]' -c constraints.txt"
        ) from None
    try:
        run_server(storage, host=HOST, port=port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror or error}; choose another") from error
