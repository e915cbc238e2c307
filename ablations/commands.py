"""`ablate run`, `report` and `generate`: wires plan, store, runner and report together."""

import contextlib
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ablations import machine, tracking
from ablations.commands_work import Mirror, WorkOptions, at_work, configure, prepare_references, with_data
from ablations.listing import frames_of, print_results
from ablations.options import SPEC, store_options
from ablations.plan import Job, make_plan
from ablations.runner import Summary, run_plan
from ablations.spec import Claim, Ladder, Run, Spec
from ablations.state import kept_steps, results_of, state_of
from ablations.store import Snapshot, Store, data_key
from analysis import report, studies
from analysis.claims import Finding, judge_claims
from analysis.frames import Frames
from analysis.ladder import LadderSpec, Rung
from analysis.report import Asked, AskedLadder
from analysis.studies import Study
from fakeface import checkpoints, training
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise

# -- run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunOptions:
    """The options of `ablate run` that are not selectors."""

    work: WorkOptions
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
    todo = [job for job in jobs if options.rerun or state_of(job, before).word != "done"]
    prepare_references(todo, images, store, options.work, console)
    if options.rerun:  # last, so that nothing is set aside for a run that is refused
        store.set_aside([job.identity for job in jobs])
    mirror = Mirror(store, options.work) if options.work.mirror and todo else None
    try:
        summary = _run_jobs(todo, store, options.work, console)
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


def _run_jobs(jobs: Sequence[Job], store: Store, options: WorkOptions, console: Console) -> Summary:
    if not jobs:
        console.print("Nothing to do: every job is done.")
        return Summary()
    with at_work(store, options, len(jobs), console) as (executor, view):
        return run_plan(jobs, executor, store, view)


def _print_places(
    spec: Spec, jobs: Sequence[Job], frames: Frames, store: Store, options: RunOptions, console: Console
) -> None:
    """Where the pictures are, the report, and the link to compare the runs."""
    if len(frames.images):
        folder = frames.images["path"].iloc[0].parent.parent.parent
        console.print(f"Pictures: {os.path.relpath(folder)}/*/samples/", soft_wrap=True)
    if options.report is not None:
        try:
            asked = asked_of(spec, jobs, store)
            page = report.build(
                frames, store.report, title=spec.name, command=options.report, asked=asked
            ).page
            console.print(f"Report:   {os.path.relpath(page)}", soft_wrap=True)
        except UserError as error:  # how the jobs went is what the exit status says
            console.print(f"[yellow]No report:[/] {escape(str(error))}", soft_wrap=True)
    compare = compare_words(spec, jobs, store, options.work.tracking_uri)
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


def write_report(
    spec: Spec, jobs: Sequence[Job], store: Store, out: Path, *, command: str
) -> tuple[Path, dict[str, Any]]:
    """Write the report on the jobs into a folder; return its page, and the same as plain data.

    Raises UserError where none has begun.
    """
    frames, asked = frames_of(jobs, store), asked_of(spec, jobs, store)
    files = report.build(frames, out, title=spec.name, command=command, asked=asked)
    return files.page, report.as_record(frames, asked, files)


def _ladder_spec(spec: Spec, ladder: Ladder, jobs: Sequence[Job]) -> LadderSpec:
    """The ladder with the rungs among the jobs; each starts from the last run of the ladder that it extends."""
    named = {run.name: run for run in spec.runs}
    names = list(dict.fromkeys(job.run for job in jobs if job.group == ladder.group))
    on_it = {ladder.floor, ladder.goal, *names}
    rungs = [
        Rung(
            name,
            named[name].tests,
            named[name].description,
            next((parent for parent in reversed(named[name].extends) if parent in on_it), ladder.floor),
        )
        for name in names
    ]
    return LadderSpec(ladder.floor, ladder.goal, ladder.hypotheses, rungs)


def asked_of(spec: Spec, jobs: Sequence[Job], store: Store) -> Asked:
    """What of the specification is about these jobs: ladders, studies on the same data that have begun, claims."""
    runs, groups = {job.run for job in jobs}, {job.group for job in jobs}
    ladders = [
        AskedLadder(ladder.group, ladder.description, _ladder_spec(spec, ladder, jobs))
        for ladder in spec.ladders
        if ladder.group in groups and {ladder.floor, ladder.goal} <= runs
    ]
    digests = {job.data_digest for job in jobs}
    newest: dict[str, Study] = {}
    for path in sorted(store.studies.glob("*/study.json"), key=lambda path: path.stat().st_mtime):
        with contextlib.suppress(UserError):  # damaged, or of a former version: `ablate tune` writes it anew
            study = studies.read(path)
            if study.data_digest in digests and study.profile == spec.profile:
                newest[study.name] = study
    asked = [newest[study.name] for study in spec.studies if study.name in newest and study.base.name in runs]
    about = runs | {study.name for study in spec.studies if study.base.name in runs}
    findings = [
        finding
        for finding in _judged_claims(spec, store, newest)
        if about & {*finding.claim.runs, finding.claim.study}
    ]
    return Asked(ladders, sorted(asked, key=lambda study: study.reference_name in newest), findings)


def _judged_claims(spec: Spec, store: Store, known: Mapping[str, Study]) -> list[Finding]:
    """Every claim, held against the jobs of the runs that it names, whether the report is on them or not."""
    named = {run for claim in spec.claims for run in claim.runs}
    runs = [run for run in spec.runs if run.name in named]
    jobs = make_plan(spec, runs, lambda config: store.find_data(config).images)
    return judge_claims(spec.claims, frames_of(jobs, store), known, partial(_lacking_command, spec, store))


def _lacking_command(spec: Spec, store: Store, claim: Claim) -> str:
    """The command that makes what a claim is held against, under this profile and with these seeds."""
    words = ["ablate", "run"] if claim.study is None else ["ablate", "tune", claim.study]
    words += [] if spec.path == SPEC else [str(spec.path)]
    words += [] if spec.profile is None else ["--profile", spec.profile]
    if claim.study is None:
        words += ["--seeds", ",".join(map(str, spec.seeds))]
    words += [word for run in claim.runs for word in ("--run", run)]
    words += [word for setting in spec.overrides for word in ("--set", setting)]
    return f"{shlex.join(words)}{store_options(store)}"


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
