"""What the commands do, once their options are read: wires plan, store, runner, mirror and report together."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar

from ablations import cleaning, machine, tracking
from ablations.audit import audit
from ablations.context import Context
from ablations.listing import frames_of, print_results
from ablations.plan import Job, make_plan
from ablations.runner import Summary, run_plan, stop_on_signals
from ablations.scoring import Scorers
from ablations.spec import Run, Spec
from ablations.state import kept_steps, state_of
from ablations.store import Store
from ablations.view import make_view
from analysis import report
from fakeface import checkpoints, data, training
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise

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
    print_results(frames_of(jobs, store), console)
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
    tags = {"profile": jobs[0].profile} | (
        {"group": jobs[0].group} if len({job.group for job in jobs}) == 1 else {}
    )
    link = tracking.compare_link(store, options.tracking_uri, spec.name, tags=tags)
    console.print(f"Compare:  `make ui`, then {link}", soft_wrap=True)


# -- report and pictures -----------------------------------------------------------------------------------------


def write_report(spec: Spec, jobs: Sequence[Job], store: Store, out: Path, *, command: str) -> Path:
    """Write the report on the jobs into a folder; return its page. Raises UserError where none has begun."""
    return report.build(frames_of(jobs, store), out, title=spec.name, command=command).page


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


# -- care of the store -------------------------------------------------------------------------------------------


def ship(store: Store, uri: str, console: Console, *, follow: bool) -> int:
    """`ablate sync`. Returns the exit status: 1 where something is left."""
    with stop_on_signals() as stop:
        result = tracking.sync(store, uri, follow=follow, stop=stop.is_set)
    for name, texts in result.problems.items():
        console.print(f"{name}: {escape('; '.join(texts))}", soft_wrap=True)
    for name, text in result.errors.items():
        console.print(f"[red]{escape(name)}[/]: {escape(text)}", soft_wrap=True)
    if result.pending:
        console.print(
            f"Left: {result.pending}. The journals keep it; `ablate sync` goes on where this stopped."
        )
        return 1
    console.print(f"MLflow holds all that the journals do ({uri}).", soft_wrap=True)
    return 0


def audit_jobs(
    jobs: Sequence[Job],
    store: Store,
    console: Console,
    *,
    device: str,
    threads: int | None,
    steps: int | None,
) -> int:
    """`ablate audit`. Returns the exit status: 1 where something differs."""
    place = machine.select_device(device)
    machine.configure(place, threads or os.cpu_count() or 1)
    differing = 0
    for job in jobs:
        state, images = state_of(job, store), data.find(job.config.data, store.data)
        if images is None or state.history is None or state.word not in ("done", "re-score"):
            detail = f"{state.word}: {state.detail}" if state.detail else state.word
            console.print(f"[yellow]{job.name}[/]  not finished, nothing to audit ({escape(detail)})")
            continue
        finding = audit(job, state.history, images, place, steps=steps)
        differing += finding.difference is not None
        verdict = (
            f"[red]differs[/] at {escape(finding.difference)}"
            if finding.difference
            else f"[green]the same[/] bit for bit in {finding.steps} steps: every metric and all kept weights"
        )
        console.print(f"[bold]{job.name}[/]  {verdict}", soft_wrap=True)
        console.print(f"  on {finding.stack}", soft_wrap=True)
    return 1 if differing else 0


def clean_store(store: Store, planned: Sequence[Job], console: Console, *, stale: bool, yes: bool) -> None:
    """`ablate clean`: list what can go, and remove it where told to."""
    entries = cleaning.removable(store, planned, stale=stale)
    for entry in entries:
        relative = entry.path.relative_to(store.root)
        console.print(f"{entry.bytes / 1e6:9.1f} MB  {relative}  [dim]{entry.why}[/]", soft_wrap=True)
    total = sum(entry.bytes for entry in entries) / 1e6
    if yes:
        cleaning.remove(entries)
        console.print(f"Removed {total:.1f} MB.")
    elif entries:
        console.print(f"{total:.1f} MB could go; `ablate clean --yes` removes it.")
    else:
        console.print("Nothing to remove.")
