"""What the commands do, once their options are read: wires plan, store, runner, mirror and report together."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar
from rich.table import Table

from ablations import machine, tracking
from ablations.estimate import expected_seconds
from ablations.jobs import Context
from ablations.plan import Job, make_plan
from ablations.runner import Summary, run_plan, stop_on_signals
from ablations.scoring import Scorers
from ablations.spec import Run, Spec
from ablations.state import JobState, kept_steps, state_of
from ablations.store import Store
from ablations.view import coloured, make_view, outcome_words
from fakeface import checkpoints, data, training
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise

STATE_STYLES = {"done": "green", "new": "cyan", "resumable": "yellow", "stale": "yellow", "running": "blue"}


# -- plan and status ---------------------------------------------------------------------------------------------


def plan_rows(jobs: Sequence[Job], store: Store) -> list[dict[str, Any]]:
    """One object per job: name, identity (None while its data are not prepared), steps, expected seconds, state."""
    rows = []
    for job in jobs:
        images = data.find(job.config.data, store.data, verify=False)
        steps = job.total_steps(images) if images else job.config.train.steps
        state = state_of(job, store)
        rows.append(
            {
                "run": job.run,
                "group": job.group,
                "seed": job.seed,
                "identity": job.identity if job.data_digest else None,
                "steps": steps,
                "expected_seconds": expected_seconds(job, steps, store) if steps else None,
                "state": state.word,
                "detail": state.detail,
            }
        )
    return rows


def print_plan(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """The plan as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "seed", "identity", "steps", "expected", "state"):
        table.add_column(column, justify="right" if column in ("seed", "steps", "expected") else "left")
    for row in rows:
        style = STATE_STYLES.get(row["state"], "")
        state = f"[{style}]{row['state']}[/]" if style else row["state"]
        detail = f": {escape(row['detail'])}" if row["detail"] else ""
        table.add_row(
            row["run"], str(row["seed"]), (row["identity"] or "—")[:12], str(row["steps"] or "—"),
            _minutes(row["expected_seconds"]), state + detail,
        )  # fmt: skip
    console.print(table)
    left = [row["expected_seconds"] for row in rows if row["state"] not in ("done", "re-score")]
    if left and None not in left:
        console.print(f"{len(left)} of {len(rows)} jobs to train, {_minutes(sum(left))} one after another")


def status_rows(jobs: Sequence[Job], store: Store) -> list[dict[str, Any]]:
    """One object per job, as `ablate status --json` prints them."""
    runs = tracking.run_ids(store, store.tracking_uri)
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
                "state": state.word,
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


def print_results(jobs: Sequence[Job], store: Store, console: Console) -> None:
    """The table of results: run, outcome, final losses, score."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run")
    for column in ("seed", "steps", "Loss_D", "Loss_G", "D(x)", "D(G(z))", "Fréchet distance"):
        table.add_column(column, justify="right")
    table.add_column("outcome")
    for job in jobs:
        state = state_of(job, store)
        table.add_row(job.run, str(job.seed), *_result_cells(job, state), coloured(_outcome(state)))
    console.print(table)
    for metric in dict.fromkeys((job.metric, job.config.evaluation.num_samples) for job in jobs):
        console.print(f"[dim]Fréchet distance: {metric[0]}, N = {metric[1]:,}[/]")


def _outcome(state: JobState) -> list[str]:
    if state.word in ("stale", "data-missing"):
        return [state.word]
    return outcome_words(state.exit, state.history)


def _result_cells(job: Job, state: JobState) -> list[str]:
    if state.history is None:
        return ["0", *["—"] * 5]
    final = state.history.final_metrics(job.protocol_identity)
    names = ("Loss_D", "Loss_G", "D(x)", "D(G(z))_after")
    cells = [f"{final[name]:.4f}" if name in final else "—" for name in names]
    score = f"{final[job.metric]:,.1f}" if job.metric in final else "—"
    return [str(state.history.last_step), *cells, score]


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    if seconds < 90:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 5400 else f"~{seconds / 3600:.1f} h"


# -- data --------------------------------------------------------------------------------------------------------


def prepare_data(
    runs: Sequence[Run], store: Store, console: Console, *, refresh: bool = False
) -> list[ImageSet]:
    """Prepare each data set that the runs need, once, with a progress bar."""
    store.prepare()
    configs = list(dict.fromkeys(_data_key(run.config.data) for run in runs))
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        prepared = []
        for config in configs:
            task = bar.add_task(f"preparing {config.name}", total=None)
            prepared.append(data.prepare(config, store.data, refresh=refresh, progress=_advance(bar, task)))
            bar.remove_task(task)
    for images in prepared:
        if images.skipped:
            first = images.skipped[0]
            console.print(
                f"[yellow]{len(images.skipped)} file(s) skipped[/], the first: {escape(str(first.file))}: "
                f"{escape(first.why)} (`ablate data info` lists them)"
            )
    return prepared


def prepared_data(runs: Sequence[Run], store: Store) -> list[ImageSet]:
    """The data sets that are prepared. Raises UserError where one is not."""
    found = []
    for config in dict.fromkeys(_data_key(run.config.data) for run in runs):
        images = data.find(config, store.data)
        if images is None:
            raise UserError(f"{config.name}: not prepared yet; `ablate data prepare` does that")
        found.append(images)
    return found


def _data_key(config: DataConfig) -> DataConfig:
    """What decides the cached array: runs that differ in scaling or subset alone share it."""
    return config.model_copy(update={"scaling": "symmetric", "limit": None})


def _advance(bar: Bar, task: Any) -> Callable[[int, int], None]:
    return lambda done, total: bar.update(task, completed=done, total=total)


# -- run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunOptions:
    """The options of `ablate run` that are not selectors."""

    device: str
    threads: int | None
    rerun: bool
    allow_inexact: bool
    mirror: bool
    mirror_wait: float
    tracking_uri: str


def run(spec: Spec, runs: Sequence[Run], store: Store, options: RunOptions, console: Console) -> int:
    """Prepare, train, score, show. Returns the exit status.

    Raises:
        UserError: bad input or a machine that will not do, before the first job begins.
    """
    device = machine.select_device(options.device)
    machine.configure(device, options.threads or os.cpu_count() or 1)
    make_plan(spec, runs, lambda _: None)  # names are wrong now or never: before any work
    images = {_data_key(config): found for config, found in _with_data(runs, store, console)}
    jobs = make_plan(spec, runs, lambda config: images[_data_key(config)])
    scorers = Scorers(lambda job: images[_data_key(job.config.data)], store.reference, device)
    todo = [job for job in jobs if options.rerun or state_of(job, store).word != "done"]
    if options.rerun:
        for job in jobs:
            store.set_aside(job.identity)
    _prepare_references(todo, scorers, console)
    mirror = _start_mirror(store, options, bool(todo))
    try:
        summary = _run_jobs(todo, store, images, scorers, device, options, console)
    finally:
        pending = mirror.close(options.mirror_wait) if mirror else None
    console.print()
    print_results(jobs, store, console)
    _print_places(spec, jobs, store, options, pending, console)
    if summary.exit_status == 130:
        console.print("[yellow]Interrupted.[/] The same command goes on where this one stopped.")
    return summary.exit_status


def _with_data(runs: Sequence[Run], store: Store, console: Console) -> list[tuple[DataConfig, ImageSet]]:
    configs = list(dict.fromkeys(_data_key(run.config.data) for run in runs))
    return list(zip(configs, prepare_data(runs, store, console), strict=True))


def _prepare_references(jobs: Sequence[Job], scorers: Scorers, console: Console) -> None:
    """Reference statistics come first: a protocol that cannot be had stops nothing half-way."""
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        for scorer in dict.fromkeys(scorers(job) for job in jobs):
            task = bar.add_task(f"reference for {scorer.config.extractor}", total=None)
            scorer.prepare(_advance(bar, task))
            bar.remove_task(task)


def _run_jobs(
    jobs: Sequence[Job],
    store: Store,
    images: dict[DataConfig, ImageSet],
    scorers: Scorers,
    device: Any,
    options: RunOptions,
    console: Console,
) -> Summary:
    if not jobs:
        console.print("Nothing to do: every job is done.")
        return Summary()
    with stop_on_signals() as stop, make_view(console, len(jobs)) as view:
        context = Context(
            images=lambda job: images[_data_key(job.config.data)],
            scorer=scorers,
            device=device,
            git=machine.git_state(Path.cwd()),
            stop=stop.is_set,
            on_progress=view.progress,
            allow_inexact=options.allow_inexact,
        )
        return run_plan(jobs, store, context, view)


def _start_mirror(store: Store, options: RunOptions, needed: bool) -> "tracking.MirrorProcess | None":
    if not options.mirror or not needed:
        return None
    return tracking.MirrorProcess(store, options.tracking_uri)


def _print_places(
    spec: Spec,
    jobs: Sequence[Job],
    store: Store,
    options: RunOptions,
    pending: "tracking.Pending | None",
    console: Console,
) -> None:
    """Where the pictures are, and the link to compare the runs."""
    grids = [
        state.folder / state.history.images[-1]["file"]
        for state in (state_of(job, store) for job in jobs)
        if state.folder and state.history and state.history.images
    ]
    if grids:
        console.print(
            f"Pictures: {os.path.relpath(grids[0].parent.parent.parent)}/*/samples/", soft_wrap=True
        )
    if pending is not None and pending:
        console.print(
            f"[yellow]MLflow: {escape(str(pending))}[/]  `ablate sync` ships the rest.", soft_wrap=True
        )
    link = tracking.compare_link(store, options.tracking_uri, spec.name)
    if link:
        console.print(f"Compare:  `make ui`, then {link}", soft_wrap=True, highlight=False)


# -- report and pictures -----------------------------------------------------------------------------------------


def write_images(job: Job, store: Store, out: Path, *, count: int, noise_seed: int, step: int | None) -> Path:
    """Draw from kept weights: one grid into a .png, or numbered images into a folder.

    Raises:
        UserError: the run is not finished, or no weights were kept at the step.
    """
    state = state_of(job, store)
    kept = kept_steps(state.folder) if state.folder else []
    if state.folder is None or not kept:
        raise UserError(
            f"{job.name}: no weights are kept yet ({state.word}); `ablate run --run {job.run}` trains it"
        )
    if step is not None and step not in kept:
        raise UserError(
            f"{job.name}: no weights were kept at step {step} (kept: {', '.join(map(str, kept))})"
        )
    payload = checkpoints.load(state.folder / f"generator-{step or kept[-1]:06d}.pt")
    generator = training.create(job.config, job.seed, machine.select_device("cpu")).generator
    generator.load_state_dict(payload["generator"])
    z = latent_noise("generate", noise_seed, 0, count, job.config.network.latent_dim)
    images = training.generate(generator, z)
    if out.suffix.lower() == ".png":
        save_png(out, contact_sheet(images, max(1, round(count**0.5))))
        return out
    out.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        save_png(out / f"{number:05d}.png", image)
    return out
