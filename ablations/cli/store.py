"""The commands that take care of a store."""

from typing import Annotated

import typer

from ablations.cli.options import (
    SPEC,
    STORE,
    Device,
    Group,
    Profile,
    Seeds,
    Selectors,
    Set,
    SpecFile,
    StorePath,
    TrackingUri,
    console,
    spread,
)

store_app = typer.Typer()


@store_app.command()
def ui(
    store: StorePath = STORE,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow page of this store on 127.0.0.1 until Ctrl-C."""
    from ablations import tracking
    from ablations.store import Store

    out = console()
    out.print("Starting the MLflow page ...")
    tracking.serve(Store(store), port, on_ready=lambda url: out.print(f"MLflow: {url}  (Ctrl-C ends it)"))


@store_app.command()
def sync(
    store: StorePath = STORE,
    tracking_uri: TrackingUri = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on shipping until Ctrl-C.")] = False,
) -> None:
    """Complete or rebuild the mirror in MLflow from the journals. Ships nothing twice."""
    from ablations.cli.commands_store import ship
    from ablations.store import Store

    place = Store(store)
    raise typer.Exit(ship(place, tracking_uri or place.tracking_uri, console(), follow=follow))


@store_app.command()
def audit(
    run: Annotated[
        list[str] | None, typer.Argument(help="Finished runs, or patterns; by default the group `report`.")
    ] = None,
    spec: SpecFile = SPEC,
    steps: Annotated[int | None, typer.Option(min=1, help="Only the first steps.")] = None,
    profile: Profile = None,
    group: Group = None,
    seeds: Seeds = None,
    set_: Set = None,
    store: StorePath = STORE,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; by default as many as the job was trained with.")
    ] = None,
) -> None:
    """Train finished jobs again, beside the store, and say at which step anything first differs."""
    from ablations.cli.commands_store import audit_jobs

    chosen = Selectors(spec=spec, profile=profile, group=group, run=run, seeds=seeds, set_=set_, store=store)
    _, jobs, place = chosen.select()
    raise typer.Exit(audit_jobs(jobs, place, console(), device=device, threads=threads, steps=steps))


@store_app.command()
@spread()
def clean(
    chosen: Selectors,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Also results that no run leads to any more, under any profile (or with --set)."
        ),
    ] = False,
    aside: Annotated[bool, typer.Option("--aside", help="Also results that --rerun replaced.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it.")] = False,
) -> None:
    """Show what could be removed from the store, and why; with --yes, remove it. Without selectors: of all jobs."""
    from ablations.cli.commands_store import clean_store, everything, recorded_under
    from ablations.spec import load_spec
    from ablations.store import Snapshot

    place, overrides = Snapshot(chosen.store), chosen.set_ or ()
    spec = load_spec(chosen.spec, profile=chosen.profile, overrides=overrides, seeds=chosen.seeds)
    seeds = spec.seeds if chosen.seeds else None
    within = recorded_under(chosen.profile, chosen.group or (), chosen.run or (), seeds)
    planned = everything(chosen.spec, place, overrides) if stale else None
    clean_store(place, console(), planned=planned, within=within, aside=aside, yes=yes)
