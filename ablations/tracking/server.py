"""The connection to MLflow: settings, schema, experiments, runs. mlflow is imported inside functions."""

import os
import subprocess
import sys
import urllib.parse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ablations.store import Store
from fakeface.environment import environment
from fakeface.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A pooled connection would go on writing into a database file that was deleted under it.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
"""No retries inside a call: a server that is down costs one attempt, one that hangs ten seconds."""
SQLITE = "sqlite:///"
WAL_VERSIONS = b"\x02\x02"


def settings() -> AbstractContextManager[None]:
    """Context manager: MLflow's settings as the mirror needs them."""
    return environment(SETTINGS)


def database(uri: str) -> Path | None:
    """The file of a sqlite URI; None for any other."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def prepare(store: Store, uri: str) -> bool:
    """Create a sqlite mirror's schema if it is missing, and return whether it was. A server creates its own.

    Runs under a lock, since MLflow's migrations of a new file race, and in a process of its own, so that the caller
    need not load mlflow. Raises UserError if the schema cannot be created.
    """
    path = database(uri)
    if path is None or is_prepared(path):
        return False
    try:
        store.mirror.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot create the mirror: {error.strerror}") from error
    with FileLock(store.mirror / "prepare.lock"):
        if not is_prepared(path):
            command = [sys.executable, "-m", "ablations.tracking", "--prepare", "--uri", uri]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise UserError(f"{path}: cannot create MLflow's database: {last}")
    return True


def is_prepared(path: Path) -> bool:
    """Whether the schema is complete. Its last step is the switch to WAL, which the file's header shows."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == WAL_VERSIONS
    except OSError:
        return False


def create_schema(uri: str) -> None:
    """Create or migrate the tables of a sqlite URI. Changes the working directory to the file's folder, since MLflow
    records it as the location of its default experiment. Raises MLflow's errors.
    """
    import sqlite3

    path = database(uri)
    assert path is not None
    client = connect(uri)
    os.chdir(path.parent)
    client.search_experiments(max_results=1)
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode=wal")
    connection.close()


def connect(uri: str) -> "MlflowClient":
    """A client. Does not contact the server yet."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment_id(client: "MlflowClient", store: Store, uri: str, name: str) -> str:
    """The experiment's id. Creates it if it is missing, with an absolute location for its files."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=_artifacts(store, uri, name))
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise error
    return str(found.experiment_id)


def find_or_create_run(
    client: "MlflowClient", experiment: str, key: dict[str, str], name: str, begun: int
) -> str:
    """The id of the run with the tags `key`, which is created if it does not exist.

    `begun`: start time in ms since 1970.
    """
    wanted = " and ".join(f"tags.{tag} = '{value}'" for tag, value in key.items())
    found = client.search_runs([experiment], wanted, max_results=1, order_by=["attributes.start_time ASC"])
    if found:
        return str(found[0].info.run_id)
    return str(client.create_run(experiment, start_time=begun, tags=key, run_name=name).info.run_id)


def is_active(client: "MlflowClient", run_id: str) -> bool:
    """Whether MLflow has the run, not deleted. Raises its other errors."""
    try:
        return bool(run_id) and bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except Exception as error:
        if is_gone(error):
            return False
        raise


def in_words(error: Exception) -> str:
    """An error of MLflow, the network or the disk in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."


def is_gone(error: Exception) -> bool:
    """Whether MLflow says that a run or experiment does not exist or was deleted."""
    code = getattr(error, "error_code", "")
    return code == "RESOURCE_DOES_NOT_EXIST" or "must be in the 'active' state" in str(error)


def is_about_one_job(error: Exception) -> bool:
    """Whether MLflow refused this request only; otherwise nothing can be shipped for now."""
    status = getattr(error, "get_http_status_code", lambda: 400)()
    return bool(status < 500)


def _artifacts(store: Store, uri: str, experiment: str) -> str | None:
    """Where an experiment's files go: beside a sqlite file, where the server says, or else in the store."""
    if urllib.parse.urlsplit(uri).scheme in ("http", "https", "databricks"):
        return None
    path = database(uri)
    root = store.artifacts if path is None else path.absolute().parent / "artifacts"
    return (root / urllib.parse.quote(experiment, safe="")).as_uri()
