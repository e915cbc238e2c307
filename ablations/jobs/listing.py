"""Plans and results as one plain dict per job: the content of `--json`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablations.jobs.estimate import Estimator, Price
from ablations.jobs.plan import Job
from ablations.jobs.status import JobState, Status, state_of
from ablations.store import Store
from ablations.store.history import History
from fakeface.environment import has_gpu_driver


def plan_rows(
    jobs: Sequence[Job], store: Store, *, device: str = "auto", slots: int = 1, rerun: bool = False
) -> tuple[list[dict[str, Any]], Price]:
    """Name, identity (None while its data are not prepared), steps, expected seconds and status of each job, and the
    price of what is left.

    Args:
        device: the `--device` on which the jobs would run: the expected seconds depend on it.
        slots: how many would run side by side.
        rerun: whether `--rerun` would train finished jobs again.
    """
    estimator = Estimator(store, device_name(device))
    rows, left = [], []
    for job in jobs:
        state = _as_rerun(state_of(job, store)) if rerun else state_of(job, store)
        expected = estimator.expected(job, state)
        if state.status != Status.DONE:
            left.append(expected)
        rows.append(
            {
                "run": job.run,
                "group": job.group,
                "seed": job.seed,
                "identity": job.identity if job.data_digest else None,
                "steps": job.total_steps,
                "expected_seconds": expected.seconds,
                "state": state.status,
                "detail": state.detail,
            }
        )
    return rows, Price.of(left, estimator.device, slots)


def device_name(device: str) -> str:
    """The name of a `--device` as a session's stack has it. Raises UserError as `select_device` does."""
    if device == "cpu" or (device == "auto" and not has_gpu_driver()):
        return "cpu"
    from ablations.jobs.machine import select_device, stack  # late: torch takes seconds to import

    return str(stack(select_device(device))["device"])


def _as_rerun(state: JobState) -> JobState:
    if state.folder is None or state.status in (Status.DATA_MISSING, Status.RUNNING, Status.UNKNOWN):
        return state
    detail = f"{state.status} now; set aside and trained again"
    return JobState(Status.RERUN, detail, state.folder, state.history)


def status_rows(jobs: Sequence[Job], store: Store, mlflow_runs: Mapping[str, str]) -> list[dict[str, Any]]:
    """Outcome, final metrics and digest of the weights of each job.

    Args:
        mlflow_runs: names of job folders -> ids of their runs in MLflow.
    """
    return [_status_row(job, state_of(job, store), mlflow_runs) for job in jobs]


def _status_row(job: Job, state: JobState, mlflow_runs: Mapping[str, str]) -> dict[str, Any]:
    history = state.history
    outcome = (history.outcome if history else None) or {}
    return {
        "run": job.run,
        "group": job.group,
        "profile": job.profile,
        "seed": job.seed,
        "identity": job.identity if job.data_digest else None,
        "state": state.status,
        **outcome_row(history, state.exit),
        "metrics": history.final_metrics(job.protocol.identity) if history else {},
        "weights_sha256": outcome.get("weights_sha256"),
        "mlflow_run_id": mlflow_runs.get(state.folder.name) if state.folder else None,
        "folder": str(state.folder) if state.folder else None,
    }


def outcome_row(history: History | None, exit_: str) -> dict[str, Any]:
    """How a job went: three words, the step at which each set in, the evidence, and the steps taken."""
    outcome = (history.outcome if history else None) or {}
    words = {name: outcome.get(name) for name in ("samples", "dynamics", "onset", "evidence")}
    return {"exit": exit_, **words, "steps": history.last_step if history else 0}


def job_details(job: Job, store: Store, mlflow_runs: Mapping[str, str]) -> dict[str, Any]:
    """A row of `status_rows` with the job's settings as they take effect (None while its data are not prepared), those
    that differ from the defaults, its scores, sessions and files.
    """
    state = state_of(job, store)
    history = state.history or History(Path())
    files = (
        [path for path in state.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        if state.folder
        else []
    )
    return {
        **_status_row(job, state, mlflow_runs),
        "detail": state.detail,
        "total_steps": job.total_steps,
        "settings": job.resolved,
        "changed": job.changed,
        "scores": [
            {name: score[name] for name in ("step", "metric", "protocol", "details", "values")}
            for score in (history.last_evaluation(job.protocol.identity),)
            if score is not None
        ],
        "sessions": [
            {name: session[name] for name in ("time", "from_step", "stack", "git")}
            for session in history.sessions
        ],
        "files": [
            {"path": str(path.relative_to(state.folder)), "bytes": path.stat().st_size}
            for path in sorted(files)
            if state.folder is not None
        ],
    }
