"""The MLflow page of a store's mirror, and the links to charts on it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import FrameType

from ablations.store import Store
from ablations.tracking import server, views
from ablations.tracking.process import end_group
from ablations.tracking.refusals import database_errors
from ablations.tracking.shipped import runs
from fakeface.environment import direct_local_requests
from fakeface.errors import UserError
from fakeface.files import regular_file
from fakeface.terminal import without_credentials

HOST = "127.0.0.1"
"""The page has no authentication, so other machines cannot reach it."""
PORT = 5000
MAX_IDS = 20
"""Runs that a link names one by one, with 41 characters each; a link with more would be too long."""
START_SECONDS = 120.0
END_SECONDS = 5.0


def compare_link(
    store: Store,
    uri: str,
    folders: Collection[str],
    *,
    tags: Mapping[str, str] | None = None,
) -> str:
    """The address of charts with the runs' metrics overlaid and their sample grids under one step slider.

    On the tracking server, if `uri` is the URI of one; else on the page that `serve` offers. It is that of a saved view
    if there is one of exactly these runs.

    Args:
        folders: names of job folders: show exactly their runs, as far as these exist. Runs of the same name with other
            settings, or replaced by `--rerun`, are not shown.
        tags: if there are more than MAX_IDS `folders`, show the runs with these tags (group, profile, ...) instead.
            Empty values are ignored.
    """
    base = (
        without_credentials(uri).replace("***@", "").rstrip("/")
        if uri.startswith(("http://", "https://"))
        else f"http://{HOST}:{PORT}"
    )
    found = {shipped.run_id: shipped.experiment_id for shipped in runs(store, uri, folders).values()}
    if not found:
        return f"{base}/#/experiments"
    for group in _viewed(store, uri):
        if {run.id for run in group.current} == found.keys():
            return f"{base}/{views.address(group.experiment_id, group.key)}"
    query = {"workflowType": "machine_learning", "compareRunsMode": "CHART"}
    wanted = " and ".join(f'tags.{name} = "{value}"' for name, value in (tags or {}).items() if value)
    if len(found) <= MAX_IDS:
        # By id, since MLflow has `in` only for attributes, not for tags or params.
        wanted = f"attributes.run_id in ({', '.join(repr(run) for run in found)})"
    if wanted:
        query["searchFilter"] = wanted
    experiments = sorted(set(found.values()))
    path = f"experiments/{experiments[0]}/runs"
    if len(experiments) > 1:  # a job is in the experiment of the specification that planned it first
        path, query = "compare-experiments/s", {"experiments": json.dumps(experiments)} | query
    arguments = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
    return f"{base}/#/{path}?{arguments}"


def chart_links(store: Store, url: str) -> list[tuple[str, str]]:
    """Experiment with group, and address of its charts on the page at `url`, the newest first."""
    return [
        (f"{group.experiment}, {group.title}", f"{url}/{views.address(group.experiment_id, group.key)}")
        for group in _viewed(store, store.tracking_uri)
    ]


def _viewed(store: Store, uri: str) -> list[views.Group]:
    """The groups that have a view in MLflow."""
    known = views.noted_keys(store, uri)
    shown = [views.ShownRun.of(shipped) for shipped in runs(store, uri).values()]
    return [group for group in views.groups_of(shown) if (group.experiment_id, group.key) in known]


def serve(store: Store, port: int, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve the store's MLflow page on 127.0.0.1 until Ctrl-C or SIGTERM. Blocks; call it from the main thread.

    `on_ready` is called with the page's address once it answers, after some ten seconds.

    Raises:
        UserError: the store has no mirror yet, the port is taken, or the server ended by itself.
    """
    path = server.database(store.tracking_uri)
    if path is None or not path.exists():
        raise UserError(f"{store.root}: holds no MLflow data yet; run `ablate run` or `ablate sync` first")
    server.prepare(store, store.tracking_uri)
    with database_errors(path):
        server.relocate(path)
    _check_port(port)
    before = signal.signal(signal.SIGTERM, _interrupt)
    log = store.mirror / "page.log"
    process = _start(store, port, log)
    try:
        _wait_until_ready(process, port)
        if on_ready is not None:
            on_ready(f"http://{HOST}:{port}")
        process.wait()
        raise UserError(f"the MLflow server ended by itself; see {log}")
    except KeyboardInterrupt:
        pass
    except TimeoutError as error:
        raise UserError(f"the MLflow server did not start: {error}; see {log}") from error
    finally:
        end_group(process, END_SECONDS)
        signal.signal(signal.SIGTERM, before)


def _start(store: Store, port: int, log: Path) -> "subprocess.Popen[bytes]":
    """Start it with one worker instead of four and without jobs: 2 processes and 11 s, not 15 and 48 s."""
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *(
            "--backend-store-uri",
            server.plain_uri(store.tracking_uri),
            "--artifacts-destination",
            store.artifacts.as_uri(),
        ),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    try:
        with regular_file(log, "wb") as file:
            return subprocess.Popen(
                command,
                env=os.environ | quiet | direct_local_requests(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
    except OSError as error:
        raise UserError(f"{log}: cannot start the MLflow server: {error.strerror}") from error


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} on {HOST} cannot be used ({error.strerror}); choose another with --port"
            ) from error


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Raises TimeoutError if the server ends or does not answer within START_SECONDS."""
    end = time.monotonic() + START_SECONDS
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        if process.poll() is not None:
            raise TimeoutError(f"exit status {process.returncode}")
        try:
            with direct.open(f"http://{HOST}:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"no answer within {START_SECONDS:.0f} seconds")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
