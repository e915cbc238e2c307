"""Processes that sync and are killed at a chosen moment."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from ablations.store import Store
from ablations.tracking import server, shipped, sync

CALLS = (
    *(
        "create_experiment",
        "create_run",
        "log_batch",
        "log_artifact",
        "set_tag",
        "set_terminated",
        "update_run",
    ),
    *("log_inputs", "log_image", "create_logged_model", "log_model_artifacts", "log_outputs"),
    "finalize_logged_model",
)
FORK = multiprocessing.get_context("fork")


def sync_and_die(store: Store, uri: str, gate: int) -> None:
    """Sync in this process; at the `gate`-th moment before or after a request or a note, kill -9 it."""
    from mlflow import MlflowClient

    passed = 0

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            step()
            result = work(*args, **kwargs)
            step()
            return result

        return wrapped

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == gate:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in CALLS:
        setattr(MlflowClient, name, dying(getattr(MlflowClient, name)))
    shipped.save = dying(shipped.save)
    sync(store, uri)


def killed_at(store: Store, uri: str, gate: int) -> bool:
    """Whether a syncing process reached that moment, and was killed there."""
    process = FORK.Process(target=sync_and_die, args=(store, uri, gate))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def run_count(uri: str) -> int:
    client = server.connect(uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return len(client.search_runs(ids))
