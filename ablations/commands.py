"""`ablate run`, `report` and `generate`: wires plan, store, runner, mirror and report together."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar

from ablations import machine, tracking
from ablations.commands_data import advance, prepare_data
from ablations.context import Context
from ablations.listing import frames_of, print_results
from ablations.options import store_options, usable_cores
from ablations.plan import Job, make_plan
from ablations.runner import Summary, run_plan, stop_on_signals
from ablations.scoring import Scorers
from ablations.spec import Run, Spec
from ablations.state import kept_steps, results_of, state_of
from ablations.store import Snapshot, Store, data_key
from ablations.view import View, make_view
from analysis import report
from analysis.frames import Frames
from fakeface import checkpoints, training
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise

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
    report: str | None
    """The command to name in the report that is written at the end; None: write none."""


def run(spec: Spec, runs: Sequence[Run], store: Store, options: RunOptions, console: Console) -> int:
    """Prepare, train, score, show. Returns the exit status.

    Raises:
        UserError: bad input or a machine that will not do, before the first job begins.
    """
    device = machine.select_device(options.device)
    machine.configure(device, options.threads or usable_cores())
    make_plan(spec, runs, lambda _: None)  # names are wrong now or never: before any work
    images = {data_key(config): found for config, found in _with_data(runs, store, console)}
    jobs = make_plan(spec, runs, lambda config: images[data_key(config)])
    scorers = Scorers(lambda job: images[data_key(job.config.data)], store.reference, device)
    before = Snapshot(store.root)
    todo = [job for job in jobs if options.rerun or state_of(job, before).word != "done"]
    _prepare_references(todo, scorers, console)
    if options.rerun:  # last, so that nothing is set aside for a run that is refused
        store.set_aside([job.identity for job in jobs])
    mirror = _Mirror(store, options) if options.mirror and todo else None
    try:
        summary = _run_jobs(todo, store, images, scorers, device, options, console)
    finally:
        left = mirror.close(console) if mirror else ""
    console.print()
    frames = frames_of(jobs, store)
    print_results(frames, console)
    if left:
        console.print(left, soft_wrap=True)
    _print_places(spec, jobs, frames, store, options, console)
    if summary.exit_status == 130:
        same = "The same command without --rerun" if options.rerun else "The same command"
        console.print(f"[yellow]Interrupted.[/] {same} goes on where this one stopped.")
    return summary.exit_status


def _with_data(runs: Sequence[Run], store: Store, console: Console) -> list[tuple[DataConfig, ImageSet]]:
    configs = list(dict.fromkeys(data_key(run.config.data) for run in runs))
    return list(zip(configs, prepare_data(runs, store, console), strict=True))


def _prepare_references(jobs: Sequence[Job], scorers: Scorers, console: Console) -> None:
    """Reference statistics come first: a protocol that cannot be had stops nothing half-way."""
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        for scorer in dict.fromkeys(scorers(job) for job in jobs):
            task = bar.add_task(f"reference for {scorer.config.extractor}", total=None)
            scorer.prepare(advance(bar, task))
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
    with (
        make_view(console, len(jobs)) as view,
        stop_on_signals(on_first=lambda: _say_stopping(view)) as stop,
    ):
        context = Context(
            images=lambda job: images[data_key(job.config.data)],
            scorer=scorers,
            device=device,
            git=machine.git_state(Path(__file__).parent),
            stop=stop.is_set,
            on_progress=view.progress,
            allow_inexact=options.allow_inexact,
        )
        return run_plan(jobs, store, context, view)


def _say_stopping(view: View) -> None:
    # In a signal handler: where it came in the middle of a write, Python refuses another one. Then it stays unsaid.
    with contextlib.suppress(RuntimeError):
        view.say("[yellow]Stopping after this step[/] and its checkpoint; Ctrl-C again ends at once.")


# -- the mirror, and where to look -------------------------------------------------------------------------------


class _Mirror:
    """The mirror's process while jobs run, and what is to be said about it in the end."""

    def __init__(self, store: Store, options: RunOptions) -> None:
        self.store, self.options = store, options
        self.log = store.mirror / "mirror.log"
        self.log_begins = self.log.stat().st_size if self.log.exists() else 0
        self.process = tracking.MirrorProcess(store, options.tracking_uri)

    def close(self, console: Console) -> str:
        """Wait for it, as long as the options say; return what is left and why, as rich markup."""
        wait = self.options.mirror_wait
        if wait > 0:
            console.print(
                f"[dim]Shipping the rest to MLflow, at most {wait:.0f} s (Ctrl-C: do not wait) ...[/]"
            )
        try:
            pending = self.process.close(wait)
        except KeyboardInterrupt:
            pending = self.process.close(0)
        if not pending:
            return ""
        why = self._why()
        command = f"ablate sync{store_options(self.store, self.options.tracking_uri)}"
        words = f"[yellow]MLflow lacks {escape(str(pending))}[/]{': ' if why else '.'}{escape(why)}"
        return f"{words}\n`{escape(command)}` ships the rest."

    def _why(self) -> str:
        """The last thing that its log says of this run; empty where that is no error."""
        try:
            with self.log.open("rb") as file:
                file.seek(self.log_begins)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        told = [line[20:] for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line)]
        return told[-1] if told and told[-1] != "shipping again" else ""


def _print_places(
    spec: Spec, jobs: Sequence[Job], frames: Frames, store: Store, options: RunOptions, console: Console
) -> None:
    """Where the pictures are, the report, and the link to compare the runs."""
    if len(frames.images):
        folder = frames.images["path"].iloc[0].parent.parent.parent
        console.print(f"Pictures: {os.path.relpath(folder)}/*/samples/", soft_wrap=True)
    if options.report is not None:
        try:
            page = report.build(frames, store.report, title=spec.name, command=options.report).page
            console.print(f"Report:   {os.path.relpath(page)}", soft_wrap=True)
        except UserError as error:  # how the jobs went is what the exit status says
            console.print(f"[yellow]No report:[/] {escape(str(error))}", soft_wrap=True)
    compare = compare_words(spec, jobs, store, options.tracking_uri)
    if compare:
        console.print(f"Compare:  {escape(compare)}", soft_wrap=True)


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


def write_report(spec: Spec, jobs: Sequence[Job], store: Store, out: Path, *, command: str) -> Path:
    """Write the report on the jobs into a folder; return its page. Raises UserError where none has begun."""
    return report.build(frames_of(jobs, store), out, title=spec.name, command=command).page


def write_images(job: Job, store: Store, out: Path, *, count: int, noise_seed: int, step: int | None) -> Path:
    """Draw from kept weights: one grid into a .png, or numbered images into a folder.

    Raises:
        UserError: the run is not finished, no weights were kept at the step, or the images cannot be written.
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
    with os_errors(out, "make a folder of images here"):
        out.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        save_png(out / f"{number:05d}.png", image)
    return out
