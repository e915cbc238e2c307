"""`ablate run`, `report` and `generate`: wires plan, store, runner and report together."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ablations import tracking
from ablations.cli.commands_work import Mirror, at_work, configure, prepare_references, with_data
from ablations.cli.listing import frames_of, print_results
from ablations.cli.options import MirrorOptions, WorkOptions, store_options
from ablations.cli.report_inputs import report_inputs
from ablations.executors.loop import Summary, run_plan
from ablations.jobs import machine
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import Status, kept_steps, results_of, state_of
from ablations.spec import Run, Spec
from ablations.store import Snapshot, Store, data_key
from analysis.frames.jobs import Frames
from analysis.report import build as report
from analysis.report.build import ReportFiles
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.gan import checkpoints, training
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise

# -- run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunOptions:
    """The options of `ablate run` that are not selectors."""

    work: WorkOptions
    mirroring: MirrorOptions
    rerun: bool
    report: str | None
    """The command to name in the report that is written at the end; None: write none."""


def run(spec: Spec, runs: Sequence[Run], store: Store, options: RunOptions, console: Console) -> int:
    """Prepare, train, score, show. Returns the exit status.

    Raises:
        UserError: bad input or a machine that will not do, before the first job begins.
    """
    configure(options.work)
    make_plan(spec, runs, lambda _: None)  # names are wrong now or never: before any work
    images = with_data(runs, store, console)
    jobs = make_plan(spec, runs, lambda config: images[data_key(config)])
    before = Snapshot(store.root)
    todo = [job for job in jobs if options.rerun or state_of(job, before).status != Status.DONE]
    prepare_references(todo, images, store, options.work, console)
    if options.rerun:  # last, so that nothing is set aside for a run that is refused
        store.set_aside([job.identity for job in jobs])
    ships = options.mirroring.mirror and (todo or options.report is not None)
    mirror = Mirror(store, options.mirroring) if ships else None
    try:
        summary = _run_jobs(todo, store, options.work, console)
        done = Snapshot(store.root)
        frames = frames_of(jobs, done)
        console.print()
        print_results(frames, console)
        report_words = _report_words(spec, jobs, frames, done, options.report)
    finally:
        left = mirror.close(console) if mirror else ""
    for words in (left, _pictures_words(frames), report_words):
        if words:
            console.print(words, soft_wrap=True)
    compare = compare_words(spec, jobs, store, options.mirroring.uri(store))
    if compare:
        console.print(f"Compare:  {escape(compare)}", soft_wrap=True)
    if summary.exit_status == 130:
        same = "The same command without --rerun" if options.rerun else "The same command"
        console.print(f"[yellow]Interrupted.[/] {same} goes on where this one stopped.")
    return summary.exit_status


def _run_jobs(jobs: Sequence[Job], store: Store, options: WorkOptions, console: Console) -> Summary:
    if not jobs:
        console.print("Nothing to do: every job is done.")
        return Summary()
    with at_work(store, options, len(jobs), console) as (executor, view):
        return run_plan(jobs, executor, store, view)


def _report_words(spec: Spec, jobs: Sequence[Job], frames: Frames, store: Store, command: str | None) -> str:
    """Where the report is that was written now, or why there is none; how the jobs went decides the exit status."""
    if command is None:
        return ""
    try:
        inputs = report_inputs(spec, jobs, store)
        page = report.build(frames, store.report, title=spec.name, command=command, inputs=inputs).page
    except UserError as error:
        return f"[yellow]No report:[/] {escape(str(error))}"
    return f"Report:   {escape(os.path.relpath(page))}"


def _pictures_words(frames: Frames) -> str:
    if frames.images.empty:
        return ""
    folder = frames.images["path"].iloc[0].parent.parent.parent
    return f"Pictures: {escape(os.path.relpath(folder))}/*/samples/"


def compare_words(spec: Spec, jobs: Sequence[Job], store: Store, uri: str) -> str:
    """How to see these jobs side by side in MLflow; empty where none of them was shipped."""
    found = [results_of(job, store) for job in jobs]
    shipped = tracking.run_ids(store, uri)
    folders = {folder.name for folder in found if folder is not None and folder.name in shipped}
    if not folders:
        return ""
    labels = {"profile": {job.profile for job in jobs}, "group": {job.group for job in jobs}}
    tags = {name: next(iter(values)) for name, values in labels.items() if len(values) == 1}
    link = tracking.compare_link(store, uri, spec.name, folders=folders, tags=tags)
    if uri.startswith(("http://", "https://")):
        return link
    if uri != store.tracking_uri:
        return f"`mlflow ui --backend-store-uri {uri}`, then {link}"
    options = store_options(store)
    return f"`{f'ablate ui{options}' if options else 'make ui'}`, then {link}"


# -- report and pictures -----------------------------------------------------------------------------------------


def write_report(
    spec: Spec,
    jobs: Sequence[Job],
    store: Store,
    out: Path,
    options: MirrorOptions,
    console: Console,
    *,
    command: str,
) -> ReportFiles:
    """Write the report on the jobs into a folder; the store's own goes to MLflow as well, where its jobs are.

    Raises UserError where none has begun.
    """
    inputs = report_inputs(spec, jobs, store)
    files = report.build(frames_of(jobs, store), out, title=spec.name, command=command, inputs=inputs)
    if options.mirror and out == store.report and tracking.run_ids(store, options.uri(store)):
        left = Mirror(store, options).close(console)
        if left:
            console.print(left, soft_wrap=True)
    return files


def write_images(job: Job, store: Store, out: Path, *, count: int, noise_seed: int, step: int | None) -> Path:
    """Draw from kept weights: one grid into a .png, or numbered images into a folder.

    Raises:
        UserError: the run is not finished, no weights were kept at the step, or the images cannot be written.
    """
    state = state_of(job, store)
    kept = kept_steps(state.folder) if state.folder else []
    if state.folder is None or not kept:
        raise UserError(
            f"{job.name}: no weights are kept yet ({state.status}); `ablate run --run {job.run}` trains it"
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
    with os_errors(out, "make a folder of images here"):
        out.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        save_png(out / f"{number:05d}.png", image)
    return out
