"""What an error of MLflow, a server or the database means, and what to do about it. Only this file decides that."""

import contextlib
import re
import shlex
import sqlite3
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from fakeface.errors import UserError
from fakeface.terminal import printable

MAX_CHARS = 300
"""Of an error's own text. What to do follows it, and is never cut."""
_PASSWORD = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


class Refusal(Enum):
    """What a request that failed means for the rest."""

    REQUEST = "it concerns this request only"
    GONE = "the run or experiment does not exist, or was deleted"
    UNSUPPORTED = "the server cannot do this"
    SERVER = "nothing can be shipped for now"


def meaning(error: Exception) -> Refusal:
    """What the error means for the rest."""
    code, status, text = str(getattr(error, "error_code", "")), _status(error), str(error)
    if "must be in the 'active' state" in text or (code == "RESOURCE_DOES_NOT_EXIST" and status is None):
        return Refusal.GONE
    if status in (404, 405, 501) or code in ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"):
        return Refusal.UNSUPPORTED
    of_mlflow = getattr(error, "get_http_status_code", lambda: 400)()
    number = status or of_mlflow
    if number in (401, 403, 407, 429) or number >= 500 or _is_web_page(text) or _is_broken(error):
        return Refusal.SERVER
    return Refusal.REQUEST


def in_words(error: Exception, uri: str = "") -> str:
    """The error in one line, fit to print and without SQL, and what to do about it.

    uri: the tracking URI, for commands that name it.
    """
    if isinstance(error, UserError):  # says what to do itself
        return printable(" ".join(str(error).split()))
    text = printable(" ".join(str(error).split())).partition(" [SQL:")[0] or type(error).__name__
    short = text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]} ..."
    remedy = _remedy(error, uri)
    return f"{short.rstrip('.')}: {remedy}" if remedy else short


@contextlib.contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn an error of sqlite into a UserError that names the database and says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise UserError(f"{path}: {in_words(error)}") from error


def _remedy(error: Exception, uri: str) -> str:
    """What the user can do; empty if only waiting helps, or the error says it itself."""
    code, status, text = str(getattr(error, "error_code", "")), _status(error), str(error)
    if "Host header" in text:
        return "start the server with --allowed-hosts and the name in the URI"
    if status in (401, 407) or code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
        return f"the server wants to know who you are: {_PASSWORD}"
    if status == 403 or code == "PERMISSION_DENIED":
        return f"the server does not allow it to this user: ask for the permission, or {_PASSWORD}"
    if _is_web_page(text):
        return f"a web page answers, perhaps one to log in, and not MLflow: check the address, or {_PASSWORD}"
    if meaning(error) is Refusal.UNSUPPORTED:
        return (
            "the server is older than this, or is no MLflow server: check the address, or update the server"
        )
    if "out-of-date database schema" in text:
        return f"back the database up, then `mlflow db upgrade {shlex.quote(printable(uri))}`"
    newer = "Can't locate revision" in text
    if newer or re.search("file is not a database|malformed", text):
        why = "a newer MLflow made the database" if newer else "the database is damaged"
        return (
            f"{why}; it is only a mirror: move mlflow.db, mlflow.db-wal and mlflow.db-shm out of the store, and "
            "`ablate sync` rebuilds it from the journals"
        )
    return ""


def _status(error: Exception) -> int | None:
    """The status of an answer that is not MLflow's own JSON; None for every other error."""
    response = getattr(error, "response", None)
    if response is not None:
        return int(response.status_code)
    found = re.search(r"failed with error code (\d{3})", str(error))
    return int(found[1]) if found else None


def _is_web_page(text: str) -> bool:
    return "not in a valid JSON format" in text


def _is_broken(error: Exception) -> bool:
    """Whether the server could not be reached or took too long, or the database cannot be used."""
    if type(error).__module__.startswith(("requests.", "urllib3.")):
        return getattr(error, "response", None) is None
    return isinstance(error, TimeoutError | sqlite3.Error) or type(error).__module__.startswith("sqlalchemy.")
