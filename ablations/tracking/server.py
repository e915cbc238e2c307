"""The connection to MLflow: settings, schema, experiments, runs. mlflow is imported inside functions."""

import atexit
import contextlib
import functools
import importlib.metadata
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from ablations.store import Store
from ablations.tracking.refusals import Refusal, database_errors, meaning
from fakeface.environment import direct_local_requests, environment
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file
from fakeface.locks import wait_for

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # it logs errors, with pages of SQL, and raises them as well
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A pooled connection would continue to write into a database file that was deleted.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
"""No retries inside a call: a server that is down costs one attempt, one that hangs ten seconds."""
CALL_SECONDS = 300.0
"""For one call, the upload of a model included."""
STOP_SECONDS = 10.0
PREPARE_SECONDS = 600.0
"""For the schema of a database, which takes seconds, or the upgrade of an older one."""
SQLITE = "sqlite:///"
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns in which MLflow stores where files are."""
WAL_VERSIONS = b"\x02\x02"


def variables() -> dict[str, str]:
    """MLflow's settings as the mirror needs them, as environment variables."""
    return SETTINGS | direct_local_requests()


def settings() -> AbstractContextManager[None]:
    """Context manager: set `variables`."""
    return environment(variables())


def database(uri: str) -> Path | None:
    """The file of a sqlite URI; None for any other."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def prepare(store: Store, uri: str) -> bool:
    """Create a sqlite mirror's schema if it is missing, and return whether it was. A server creates its own.

    After an update of MLflow, also brings the store's own database to the new schema, see `create_schema`. Runs under
    a lock, since MLflow's migrations of a new file race, and in a process of its own, so that the caller need not load
    mlflow. Raises UserError if the schema cannot be created.
    """
    path = database(uri)
    own = uri == store.tracking_uri
    if path is None or is_prepared(path, current=own):
        return False
    try:
        store.mirror.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot create the mirror: {error.strerror}") from error
    with wait_for(store.mirror / "prepare.lock", PREPARE_SECONDS):
        is_new = not is_prepared(path)
        if not is_prepared(path, current=own):
            _check_readable(path)
            done = subprocess.run(
                [sys.executable, "-m", "ablations.tracking", "--prepare"],
                env=os.environ | {"MLFLOW_TRACKING_URI": uri},
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise UserError(f"{path}: cannot prepare MLflow's database: {last}")
    return is_new


def _check_readable(path: Path) -> None:
    """Raise UserError if there is a file that is no database. MLflow would try for minutes to open it."""
    if path.exists():
        with os_errors(path, "use it as a database"), regular_file(path):
            pass
        with database_errors(path), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()


def is_prepared(path: Path, *, current: bool = False) -> bool:
    """Whether the schema is complete. Its last step is the switch to WAL, which the file's header shows.

    `current`: it must have been prepared under the installed version of MLflow, which the header shows as well.
    """
    try:
        with regular_file(path) as file:
            header = file.read(64)
    except OSError:
        return False
    return header[18:20] == WAL_VERSIONS and (not current or header[60:] == _version().to_bytes(4, "big"))


def _version() -> int:
    """The version of MLflow as a number, for `pragma user_version`."""
    major, minor, micro = re.findall(r"\d+", importlib.metadata.version("mlflow") + ".0.0")[:3]
    return int(major) * 1_000_000 + int(minor) * 1_000 + int(micro)


def create_schema(uri: str) -> None:
    """Create the tables of a sqlite URI. Raises MLflow's errors.

    A new database appears under its name when it is complete: a kill between two of MLflow's migrations leaves tables
    with which it cannot begin again. Upgrades the tables of an older MLflow if they are a store's own, and keeps a copy
    of them in `mlflow.db.<revision>`.
    """
    path = database(uri)
    assert path is not None
    if _is_begun(path):
        if (path.parent / "jobs").is_dir():
            _upgrade(path)
        connect(uri).search_experiments(max_results=1)
        _mark_prepared(path)
        return
    new = path.with_name(f"{path.name}.new")
    for left in (new, *(Path(f"{new}{ending}") for ending in ("-journal", "-wal", "-shm"))):
        left.unlink(missing_ok=True)
    connect(f"{SQLITE}{new}").search_experiments(max_results=1)
    relocate(new)
    _mark_prepared(new)
    new.replace(path)


def _is_begun(path: Path) -> bool:
    """Whether a database can be used or upgraded: not one that a kill left in a migration before its first run."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = {
            name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }
        counts = [
            connection.execute(f"select count(*) from {name}").fetchone()[0]
            for name in {"runs", "experiments"} & tables
        ]
    in_migration = any(name.startswith("_alembic_tmp_") for name in tables)
    return bool(tables) and (not in_migration or any(counts))


def _mark_prepared(path: Path) -> None:
    """Switch to WAL and note MLflow's version, in the file's header (`is_prepared`)."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma user_version={_version()}")
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma wal_checkpoint(truncate)")  # into the header


def _upgrade(path: Path) -> None:
    """Bring a database to the schema of the installed MLflow, after a backup. Raises MLflow's errors."""
    from mlflow.store.db import utils

    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = "select 1 from sqlite_master where name = 'alembic_version'"
        if connection.execute(tables).fetchone() is None:
            return  # not MLflow's
        found = [revision for (revision,) in connection.execute("select version_num from alembic_version")]
        if found == [utils._get_latest_schema_revision()]:  # type: ignore[no-untyped-call]
            return
        with contextlib.closing(sqlite3.connect(f"{path}.{'-'.join(found)}")) as backup:
            connection.backup(backup)
    utils._upgrade_db(utils.create_sqlalchemy_engine(plain_uri(f"{SQLITE}{path}")))  # type: ignore[no-untyped-call]


def relocate(path: Path) -> None:
    """Point every location of files in a database at `<its folder>/artifacts`. Raises sqlite3's errors.

    MLflow stores absolute locations, so those of a store that was moved or copied lead to its former place. That place
    follows from the experiments: each one's files were in `<former root>/artifacts/<its name>`. MLflow's own experiment
    `Default` begins in the working directory; it gets a location in the store while it has no runs.
    """
    home = _artifact_root(path)
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        rows = connection.execute("select name, artifact_location from experiments").fetchall()
        found = {
            location.removesuffix(name)
            for name, location in ((_folder(n), at or "") for n, at in rows)
            if location.endswith(f"/artifacts/{name}")
        }
        for former in found - {f"{home}/"}:
            for table, column in LOCATIONS:
                connection.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
                    (f"{home}/", len(former) + 1, len(former), former),
                )
        default = f"{home}/Default"
        if ("Default", default) not in rows:
            connection.execute(
                "update experiments set artifact_location = ? where experiment_id = 0 and artifact_location != ? "
                "and not exists (select 1 from runs where runs.experiment_id = 0)",
                (default, default),
            )


def connect(uri: str, stop: Callable[[], bool] = lambda: False) -> "MlflowClient":
    """A client, of a server a `ServerClient`, whose calls end soon once `stop` is true. Does not contact it yet."""
    from mlflow import MlflowClient

    plain = plain_uri(uri)
    client = MlflowClient(tracking_uri=plain, registry_uri=plain)
    return cast("MlflowClient", ServerClient(client, stop)) if is_server(uri) else client


def is_server(uri: str) -> bool:
    """Whether the URI is that of a server, which other machines may share."""
    return urllib.parse.urlsplit(uri).scheme in ("http", "https", "databricks")


class ServerClient:
    """A client of a server whose every call ends in time, and which writes no files on this machine.

    A call raises TimeoutError after CALL_SECONDS, or STOP_SECONDS after `stop` came true: MLflow's own limit is for
    each byte, not for the answer. Only the main thread can do that; in another one, calls are not limited.

    A server with `--no-serve-artifacts` leaves a run's files to its clients, and MLflow would write them to the path
    that the server gives, on whatever machine the client is. The calls in FILE_CALLS then do nothing, see `problem`.
    """

    FILE_CALLS = frozenset({"log_artifact", "log_dict", "log_figure", "log_image", "log_text"})

    def __init__(self, client: "MlflowClient", stop: Callable[[], bool]) -> None:
        self._client, self._stop = client, stop
        self._locations: dict[str, str] = {}
        self.problem = ""
        """Why files were not shipped, and what to do; empty if all were."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found
        return functools.partial(self._call_with_file if name in self.FILE_CALLS else self._call, found)

    def _call_with_file(self, method: Callable[..., Any], run_id: str, *arguments: Any, **named: Any) -> Any:
        return self._call(method, run_id, *arguments, **named) if self.takes_files(run_id) else None

    def takes_files(self, run_id: str) -> bool:
        """Whether a run's files go to the server or a storage service. Notes the `problem` if they go to a path."""
        if run_id not in self._locations:
            self._locations[run_id] = self.get_run(run_id).info.artifact_uri or ""
        location = self._locations[run_id]
        if urllib.parse.urlsplit(location).scheme not in ("", "file"):
            return True
        self.problem = (
            f"only numbers and settings were shipped: the server takes no files, and leaves them to {location} on its "
            "own machine. To have pictures and models too, start a server with --artifacts-destination, without "
            "--no-serve-artifacts and on a new database, and ship to that"
        )
        return False

    def _call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with _deadline(self._stop):
            return method(*arguments, **named)


@contextlib.contextmanager
def _deadline(stop: Callable[[], bool]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = [time.monotonic() + CALL_SECONDS]

    def check(_number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if stop() and len(ends) == 1:
            ends.append(now + STOP_SECONDS)
        if now > min(ends):
            raise TimeoutError("the server takes too long to answer")

    before = signal.signal(signal.SIGALRM, check)
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def takes_files(client: "MlflowClient", run_id: str) -> bool:
    """Whether a run's files can be shipped. A database's are beside it."""
    return not isinstance(client, ServerClient) or client.takes_files(run_id)


def plain_uri(uri: str) -> str:
    """The URI as MLflow can open it: to a sqlite file with ?, # or % in its path, through a link without them.

    SQLAlchemy ends a path at ?, and its versions disagree on what % and # mean.
    """
    path = database(uri)
    return (
        uri
        if path is None or not set("?#%") & set(str(path))
        else f"{SQLITE}{_link(path.parent) / path.name}"
    )


@functools.cache
def _link(folder: Path) -> Path:
    """A link to a folder, in a temporary folder that lasts as long as this process."""
    temporary = Path(tempfile.mkdtemp(prefix="ablate-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    link = temporary / "store"
    link.symlink_to(folder.absolute(), target_is_directory=True)
    return link


def experiment_id(client: "MlflowClient", store: Store, uri: str, name: str) -> str:
    """The experiment's id. Creates it if it is missing, with an absolute location for its files.

    Restores an experiment that was deleted in the page, since its name stays taken and it refuses runs.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=_artifacts(store, uri, name))
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise error
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
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
    """Whether MLflow has the run, not deleted. False also for an id that is none. Raises MLflow's other errors."""
    try:
        return bool(run_id) and bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except Exception as error:
        if meaning(error) in (Refusal.GONE, Refusal.REQUEST):
            return False
        raise


def _artifacts(store: Store, uri: str, experiment: str) -> str | None:
    """Where an experiment's files go: beside a sqlite file, where the server says, or else in the store."""
    if is_server(uri):
        return None
    path = database(uri)
    root = store.artifacts.as_uri() if path is None else _artifact_root(path)
    return f"{root}/{_folder(experiment)}"


def _artifact_root(path: Path) -> str:
    """The URI of the folder that holds the files of a sqlite mirror."""
    return (path.absolute().parent / "artifacts").as_uri()


def _folder(experiment: str) -> str:
    """The last part of an experiment's location: a folder's name, with its own % quoted as in any URI."""
    return urllib.parse.quote(urllib.parse.quote(experiment, safe=""))
