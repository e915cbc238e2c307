"""Plan and results as rows and as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablations import tracking
from ablations.cli.view import coloured
from ablations.jobs.estimate import Estimator
from ablations.jobs.machine import select_device, stack
from ablations.jobs.plan import Job
from ablations.jobs.status import JobState, Status, results_of, state_of
from ablations.store import Store
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.quality import quality_name
from analysis.report.table import headings, summary_rows

STATUS_STYLES: Mapping[str, str] = {
    Status.DONE: "green",
    Status.NEW: "cyan",
    Status.RERUN: "cyan",
    Status.RESUMABLE: "yellow",
    Status.STALE: "yellow",
    Status.RUNNING: "blue",
    Status.DATA_MISSING: "yellow",
}


def plan_rows(
    jobs: Sequence[Job], store: Store, *, device: str = "auto", rerun: bool = False
) -> list[dict[str, Any]]:
    """One object per job: name, identity (None while its data are not prepared), steps, expected seconds, state.

    Args:
        device: the `--device` on which it would run, for the seconds that the steps left will take.
        rerun: what `--rerun` would do.
    """
    estimator = Estimator(store, stack(select_device(device))["device"])
    rows = []
    for job in jobs:
        images = store.find_data(job.config.data).images
        steps = job.total_steps(images) if images else job.config.train.known_steps
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


def _as_rerun(state: JobState) -> JobState:
    if state.folder is None or state.status in (Status.DATA_MISSING, Status.RUNNING):
        return state
    detail = f"{state.status} now; set aside and trained again"
    return JobState(Status.RERUN, detail, state.folder, state.history)


def print_plan(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """The plan as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "seed", "identity", "steps", "expected", "state"):
        table.add_column(column, justify="right" if column in ("seed", "steps", "expected") else "left")
    for row in rows:
        style = STATUS_STYLES.get(row["state"], "")
        state = f"[{style}]{row['state']}[/]" if style else row["state"]
        detail = f": {escape(row['detail'])}" if row["detail"] else ""
        table.add_row(
            row["run"], str(row["seed"]), (row["identity"] or "—")[:12], str(row["steps"] or "—"),
            _minutes(row["expected_seconds"]), state + detail,
        )  # fmt: skip
    console.print(table)
    left = [row["expected_seconds"] for row in rows if row["state"] not in (Status.DONE, Status.RE_SCORE)]
    if left:
        time = "" if None in left else f", {_minutes(sum(left))} one after another"
        console.print(f"{len(left)} of {len(rows)} jobs to train{time}")


def status_rows(jobs: Sequence[Job], store: Store, tracking_uri: str) -> list[dict[str, Any]]:
    """One object per job, as `ablate status --json` prints them; MLflow's run id is the one at `tracking_uri`."""
    runs = tracking.run_ids(store, tracking_uri)
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
                "metrics": history.final_metrics(job.protocol_identity) if history else {},
                "weights_sha256": outcome.get("weights_sha256"),
                "mlflow_run_id": runs.get(state.folder.name) if state.folder else None,
                "folder": str(state.folder) if state.folder else None,
            }
        )
    return rows


def frames_of(jobs: Sequence[Job], store: Store) -> Frames:
    """What the journals of the jobs say; a job without a folder has not begun."""
    selections = [
        Selected(
            job.run, job.seed, results_of(job, store) or store.jobs / f"{job.name}-not-begun", job.protocol_identity
        )
        for job in jobs
    ]  # fmt: skip
    return load(selections, store.history)


def print_results(frames: Frames, console: Console) -> None:
    """The table of results, as the report has it: run, outcome, final losses, Fréchet distance."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in headings(quality_name(frames)):
        left = name in ("run", "outcome")
        table.add_column(name, justify="left" if left else "right", no_wrap=name in ("run", "seed"))
    for row in summary_rows(frames):
        run, seed, _, *numbers = row.cells()
        table.add_row(run, seed, coloured(list(row.outcome)), *numbers)
    console.print(table)


def _minutes(seconds: float | None) -> str:
    if not seconds:
        return "—"
    if seconds < 90:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 5400 else f"~{seconds / 3600:.1f} h"
