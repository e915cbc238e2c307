"""The commands that take care of a store: `ablate sync`, `ui`, `audit` and `clean`."""

from dataclasses import replace
from typing import Annotated

import typer

from ablations.cli.options import (
    STORE,
    Device,
    Selectors,
    StorePath,
    TrackingUri,
    console,
    shell_command,
    with_bundles,
)
from fakeface.errors import UserError

store_app = typer.Typer()


@store_app.command()
def ui(
    store: StorePath = STORE,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow page of the store on 127.0.0.1 until Ctrl-C."""
    from ablations import tracking
    from ablations.store import Store

    out = console()
    out.print("Starting the MLflow page ...")
    tracking.serve(Store(store), port, on_ready=lambda url: out.print(f"MLflow: {url}  (Ctrl-C ends it)"))


@store_app.command()
def sync(
    store: StorePath = STORE,
    tracking_uri: TrackingUri = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep shipping until Ctrl-C.")] = False,
) -> None:
    """Complete or rebuild the mirror in MLflow from the journals. Ships nothing twice."""
    from rich.markup import escape

    from ablations import tracking
    from ablations.executors.loop import stop_on_signals
    from ablations.store import Store

    out, place = console(), Store(store)
    uri = tracking_uri or place.tracking_uri
    if not place.jobs.is_dir():
        raise UserError(f"{place.root}: no store here, so nothing to ship; choose the folder with --store")
    with stop_on_signals() as stop:
        result = tracking.sync(place, uri, follow=follow, stop=stop.is_set)
    for name, texts in result.problems.items():
        out.print(f"{escape(name)}: {escape('; '.join(texts))}", soft_wrap=True)
    for name, text in result.errors.items():
        out.print(f"[red]{escape(name)}[/]: {escape(text)}", soft_wrap=True)
    if result.complete:
        out.print(f"MLflow holds everything in the journals ({escape(uri)}).", soft_wrap=True)
        return
    again = escape(shell_command("sync", store=place.root, tracking_uri=tracking_uri))
    if result.pending:
        out.print(f"Left: {result.pending}. The journals keep it; `{again}` ships the rest.", soft_wrap=True)
    else:
        out.print(f"Could not check whether MLflow holds everything; `{again}` tries again.", soft_wrap=True)
    raise typer.Exit(130 if stop.is_set() and not follow else 1)


@store_app.command()
@with_bundles()
def audit(
    chosen: Selectors,
    run: Annotated[
        list[str] | None, typer.Argument(help="Finished runs, or patterns; by default the group `report`.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Only the first steps.")] = None,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; by default as many as the job was trained with.")
    ] = None,
) -> None:
    """Train finished jobs again, outside the store, and report the first step at which anything differs."""
    from rich.markup import escape

    from ablations.jobs import audit, machine
    from ablations.jobs.status import state_of
    from fakeface import data

    out = console()
    _, jobs, store = replace(chosen, run=run).select()
    place = machine.select_device(device)
    differences: list[str | None] = []
    for job in jobs:
        state = state_of(job, store)
        why, images = audit.obstacle(state), None
        try:
            images = None if why else data.find(job.config.data, store.data)
        except UserError as error:
            why = str(error)
        if images is None or state.history is None:
            out.print(f"[yellow]{job.name}[/]  nothing to audit: {escape(why)}", soft_wrap=True)
            continue
        machine.configure(place, threads or audit.recorded_threads(state.history) or machine.usable_cores())
        result = audit.audit(job, state.history, images, place, steps=steps)
        differences.append(result.difference)
        verdict = (
            f"[red]differs[/] at {escape(result.difference)}"
            if result.difference
            else f"[green]the same[/] bit for bit in {result.steps} steps: every metric and all kept weights"
        )
        out.print(f"[bold]{job.name}[/]  {verdict}", soft_wrap=True)
        out.print(f"  on {result.stack}", soft_wrap=True)
    if not differences:
        raise UserError("Nothing was audited: none of these jobs is finished. `ablate run` trains them.")
    raise typer.Exit(1 if any(differences) else 0)


@store_app.command()
@with_bundles()
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
) -> None:
    """Show what can be removed from the store, and why; with --yes, remove it. Without selectors: of all jobs."""
    from rich.markup import escape

    from ablations.jobs import cleaning
    from ablations.store import Snapshot, Store
    from ablations.studies.record import trained_folders

    out, place, overrides = console(), Store(chosen.store), chosen.set_ or ()
    spec = chosen.load(seeds=chosen.seeds)
    seeds = spec.seeds if chosen.seeds else None
    within = cleaning.selected(chosen.profile, chosen.group or (), chosen.run or (), seeds)
    needs = None
    if stale:
        trained = trained_folders(place.study_folders())
        needs = cleaning.needs_of(chosen.spec, Snapshot(chosen.store), overrides, trained)
    entries = []
    for entry in cleaning.removable(place, needs=needs, within=within, aside=aside, remove=yes):
        entries.append(entry)
        relative = escape(str(entry.path.relative_to(place.root)))
        out.print(f"{entry.bytes / 1e6:9.1f} MB  {relative}  [dim]{escape(entry.why)}[/]", soft_wrap=True)
    total = sum(entry.bytes for entry in entries) / 1e6
    if yes:
        out.print(f"Removed {total:.1f} MB.")
    elif entries:
        out.print(f"{total:.1f} MB can be removed; the same command with --yes does it.")
    else:
        out.print("Nothing to remove.")
    kept = 0 if aside else sum(entry.bytes for entry in cleaning.archived(place, within))
    if kept:
        out.print(f"{kept / 1e6:.1f} MB of results that --rerun replaced stay; --aside includes them.")
