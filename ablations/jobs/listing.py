"""Plans and results as one plain dict per job: the content of `--json`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ablations.jobs.estimate import Estimator
from ablations.jobs.plan import Job
from ablations.jobs.status import JobState, Status, state_of
from ablations.store import Store
from fakeface.environment import has_gpu_driver


def plan_rows(
    jobs: Sequence[Job], store: Store, *, device: str = "auto", rerun: bool = False
) -> list[dict[str, Any]]:
    """Name, identity (None while its data are not prepared), steps, expected seconds and status of each job.

    Args:
        device: the `--device` on which the jobs would run: the expected seconds depend on it.
        rerun: whether `--rerun` would train finished jobs again.
    """
    estimator = Estimator(store, _device_name(device))
    rows = []
    for job in jobs:
        steps = job.total_steps
        state = _as_rerun(state_of(job, store)) if rerun else state_of(job, store)
        left = 0 if state.status in (Status.DONE, Status.RE_SCORE) else (steps or 0) - state.step
        rows.append(
            {
                "run": job.run,
                "group": job.group,
                "seed": job.seed,
                "identity": job.identity if job.data_digest else None,
                "steps": steps,
                "expected_seconds": estimator.seconds(job, left) if steps else None,
                "state": state.status,
                "detail": state.detail,
            }
        )
    return rows


def _device_name(device: str) -> str:
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
    rows = []
    for job in jobs:
        state = state_of(job, store)
        history = state.history
        outcome = (history.outcome if history else None) or {}
        rows.append(
            {
                "run": job.run,
                "group": job.group,
                "profile": job.profile,
                "seed": job.seed,
                "identity": job.identity if job.data_digest else None,
                "state": state.status,
                "exit": state.exit,
                "samples": outcome.get("samples"),
                "dynamics": outcome.get("dynamics"),
                "onset": outcome.get("onset"),
                "evidence": outcome.get("evidence"),
                "steps": history.last_step if history else 0,
                "metrics": history.final_metrics(job.protocol.identity) if history else {},
                "weights_sha256": outcome.get("weights_sha256"),
                "mlflow_run_id": mlflow_runs.get(state.folder.name) if state.folder else None,
                "folder": str(state.folder) if state.folder else None,
            }
        )
    return rows
