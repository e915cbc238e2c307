"""The commands that take care of a store: `ablate sync`, `ui`, `merge`, `export`, `audit` and `clean`."""

import os
import sys
import threading
import webbrowser
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ablations.cli.options import (
    MAX_THREADS,
    PORT_OPTION,
    RUN_NAMES,
    SPEC,
    STORE,
    THREADS,
    Commands,
    Device,
    Json,
    Selectors,
    SpecOptions,
    StorePath,
    TrackingUri,
    shell_command,
    with_bundles,
)
from ablations.cli.printing import console, is_verbose, print_json
from fakeface.errors import UserError

store_app = Commands()
MAX_LINKS = 6
"""Of groups that `ablate ui` prints."""


@store_app.command()
@with_bundles
def ui(
    store: StorePath = STORE,
    port: Annotated[int | None, PORT_OPTION] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the addresses.")] = False,
) -> None:
    """Serve the MLflow page of the store on 127.0.0.1 until Ctrl-C, and open the charts of the newest group."""
    from ablations import tracking
    from ablations.store import Store
    from ablations.tracking.page import PORT

    out, place = console(), Store(store)

    def on_ready(url: str) -> None:
        links = tracking.chart_links(place, url)
        for name, link in links[:MAX_LINKS]:
            out.say("{}", name)
            out.say("  {}", link)
        out.say("{}: {}  (Ctrl-C ends it)", "All experiments" if links else "MLflow", url)
        if out.is_terminal and not no_browser and _has_display():
            webbrowser.open(links[0][1] if links else url)

    out.note("Starting the MLflow page ...")
    tracking.serve(place, port or PORT, on_ready=on_ready)


def _has_display() -> bool:
    """Whether a browser would be beside the terminal, and not in it or on another machine."""
    local = not any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))
    return local and (sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))))


@store_app.command()
@with_bundles
def sync(
    store: StorePath = STORE,
    tracking_uri: TrackingUri = None,
    spec: Annotated[
        Path, typer.Option(metavar="PATH", help="The specification that imports the networks of its models.")
    ] = SPEC,
    follow: Annotated[bool, typer.Option("--follow", help="Keep shipping until Ctrl-C.")] = False,
    register: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Then register the newest group's generator with the lowest distance as this model, alias `best`.",
        ),
    ] = None,
) -> None:
    """Complete or rebuild the mirror in MLflow from the journals. Ships nothing twice."""
    from ablations import tracking
    from ablations.cli.mirroring import say_if_ignored
    from ablations.executors.loop import stop_on_signals
    from ablations.spec.imports import load_imports
    from ablations.store import Store

    out, place = console(), Store(store)
    uri = tracking_uri or place.tracking_uri
    if not place.jobs.is_dir():
        raise UserError(f"{place.root}: no store here, so nothing to ship; choose the folder with --store")
    say_if_ignored(tracking_uri, out)
    if spec != SPEC or spec.exists():
        try:
            load_imports(spec)
        except UserError as error:  # only the models of the user's networks need them
            out.say("[yellow]Its imports are not loaded[/]: {}", error)
    with stop_on_signals(stop := threading.Event()):
        result = tracking.sync(place, uri, follow=follow, stop=stop.is_set)
    for name, texts in result.problems.items():
        out.say("{}: {}", name, "; ".join(texts))
    for name, text in result.errors.items():
        out.say("[red]{}[/]: {}", name, text)
    if result.complete:
        out.note("MLflow holds everything in the journals ({}).", uri)
        if register is not None:
            best = tracking.register_best(place, uri, register)
            words = "{}: version {}, of {} in {}, {} {}"
            out.say(words, best.uri, best.version, best.run, best.group, best.metric, f"{best.distance:.4g}")
        return
    again = shell_command("sync", store=place.root, tracking_uri=tracking_uri)
    mended = "once that is mended, " if result.errors else ""
    if result.pending:
        out.say(f"Left: {{}}. The journals keep it; {mended}`{{}}` ships the rest.", result.pending, again)
    else:
        out.say(f"Could not check whether MLflow holds everything; {mended}`{{}}` tries again.", again)
    raise typer.Exit(130 if stop.is_set() and not follow else 1)


@store_app.command()
@with_bundles
def merge(
    other: Annotated[Path, typer.Argument(metavar="OTHER_STORE", help="The store whose results to bring.")],
    store: StorePath = STORE,
) -> None:
    """Bring another store's jobs, studies and looks at claims into this one. The other store stays as it is."""
    from ablations.jobs.merging import Fate, merge
    from ablations.store import Store

    out, counts = console(), Counter[Fate]()
    for merged in merge(Store(store), Store(other)):
        counts[merged.fate] += 1
        if merged.fate != Fate.KEPT or merged.why or is_verbose():
            out.note("{}  {}{}", merged.fate, merged.name, f": {merged.why}" if merged.why else "")
    out.say("{}", ", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate]) or "Nothing to merge.")
    if counts[Fate.REPLACED]:
        out.say("What was replaced is in {}.", Store(store).aside)
    if counts[Fate.LEFT]:
        raise typer.Exit(1)


@store_app.command()
@with_bundles
def export(
    chosen: SpecOptions,
    destination: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
) -> None:
    """Write the finished jobs without weights into a small store, from which `ablate report` makes the same page."""
    from ablations.cli.verdicts import claims_on_variants, newest_studies, planned
    from ablations.jobs.exporting import export
    from ablations.store import Snapshot
    from ablations.studies.record import FILE

    out, store, spec = console(), Snapshot(chosen.store), chosen.load()
    seeds = {store.history(folder).job.get("seed", 0) for folder in store.job_folders()}
    jobs = planned(spec, {run.label for run in spec.runs}, store, seeds | set(spec.seeds))
    newest, _ = newest_studies(spec, {job.data_digest for job in jobs}, store)
    studies = {
        store.studies / study.folder_name / FILE: [training.folder for training in study.trainings]
        for study in newest.values()
    }
    claimed: dict[str, set[str]] = {}
    for kind in (claim.kind for claim in claims_on_variants(spec)):
        if kind.compared is not None:
            for run in kind.named_runs:
                claimed.setdefault(run, set()).add(kind.compared.of)
    with out.working("Exporting ..."):
        count = sum(1 for _ in export(jobs, studies, claimed, store, destination))
    size = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
    out.say(f"Exported {count} jobs and {len(studies)} studies to {{}} ({size / 1e6:.1f} MB).", destination)
    again = shell_command(
        "report", spec=chosen.spec, profile=chosen.profile, set=chosen.set_, store=destination
    )
    out.say("Report: `{}`", again)


@store_app.command()
@with_bundles
def audit(
    chosen: Selectors,
    run: Annotated[
        list[str] | None,
        typer.Argument(
            help="Finished runs, or patterns; by default the group `report`.", autocompletion=RUN_NAMES
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first steps.")] = None,
    device: Device = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_THREADS,
            help="CPU threads; by default as many as the job was trained with.",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Train finished jobs again, outside the store, and report the first step at which anything differs."""
    from ablations.jobs import audit, machine
    from ablations.jobs.status import state_of
    from fakeface import data

    out = console(stderr=json_)
    _, jobs, store = replace(chosen, run=run).select()
    place = machine.select_device(device)
    rows: list[dict[str, Any]] = []
    for job in jobs:
        state = state_of(job, store)
        why, images = audit.obstacle(state), None
        try:
            images = None if why else data.find(job.config.data, store.data)
        except UserError as error:
            why = str(error)
        if images is None or state.history is None:
            out.say("[yellow]{}[/]  nothing to audit: {}", job.name, why)
            continue
        machine.configure(place, threads or audit.recorded_threads(state.history) or THREADS)
        with out.working(f"Training {job.name} again ..."):
            result = audit.audit(job, state.history, images, place, steps=steps)
        rows.append({"run": job.run, "seed": job.seed, "identity": job.identity, **asdict(result)})
        verdict = (
            ("[red]differs[/] at {}", result.difference)
            if result.difference
            else (
                "[green]the same[/] bit for bit in {} steps: every metric and all kept weights",
                result.steps,
            )
        )
        out.say(f"[bold]{{}}[/]  {verdict[0]}", job.name, verdict[1])
        out.note("  on {}", result.stack)
    if json_:
        print_json(rows)
    if not rows:
        raise UserError("Nothing was audited: none of these jobs is finished. `ablate run` trains them.")
    raise typer.Exit(1 if any(row["difference"] for row in rows) else 0)


@store_app.command()
@with_bundles
def clean(
    chosen: Selectors,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Also results that no run or study leads to any more, under any profile or --set."
        ),
    ] = False,
    aside: Annotated[bool, typer.Option("--aside", help="Also results that --rerun replaced.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it.")] = False,
    json_: Json = False,
) -> None:
    """Show what can be removed from the store, and why; with --yes, remove it. Without selectors: of all jobs."""
    from ablations.jobs import cleaning
    from ablations.store import Snapshot, Store
    from ablations.studies.record import trained_folders

    out, place, overrides = console(stderr=json_), Store(chosen.store), chosen.set_ or ()
    spec = chosen.load(seeds=chosen.seeds)
    seeds = spec.seeds if chosen.seeds else None
    within = cleaning.selected(chosen.profile, chosen.group or (), chosen.run or (), seeds)
    needs = None
    if stale:
        trained = trained_folders(place.study_folders())
        needs = cleaning.needs_of(chosen.spec, Snapshot(chosen.store), overrides, trained)
    entries: list[cleaning.Removable] = []
    for entry in cleaning.removable(place, needs=needs, within=within, aside=aside, remove=yes):
        if out.is_terminal and (not entries or entry.why != entries[-1].why):
            out.say("{}:", entry.why, wrap=True)
        entries.append(entry)
        size = f"{entry.bytes / 1e6:9.1f}"
        out.say(
            "{} MB  {}{}",
            size,
            entry.path.relative_to(place.root),
            "" if out.is_terminal else f"  {entry.why}",
        )
    if json_:
        print_json(
            [
                {"path": str(entry.path), "bytes": entry.bytes, "why": entry.why, "removed": yes}
                for entry in entries
            ]
        )
    total = sum(entry.bytes for entry in entries) / 1e6
    if yes:
        out.say(f"Removed {total:.1f} MB.")
    elif entries:
        out.say(f"{total:.1f} MB can be removed; the same command with --yes does it.")
    else:
        out.say("Nothing to remove.")
    kept = 0 if aside else sum(entry.bytes for entry in cleaning.archived(place, within))
    if kept:
        out.say(f"{kept / 1e6:.1f} MB of results that --rerun replaced stay; --aside includes them.")
