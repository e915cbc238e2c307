"""Care of the store: `ablate sync`, `audit` and `clean`."""

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ablations import tracking
from ablations.cli.options import store_options
from ablations.executors.loop import stop_on_signals
from ablations.jobs import cleaning, machine
from ablations.jobs.audit import audit
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import JobState, Status, state_of
from ablations.spec import load_spec
from ablations.spec.yaml_tree import read_yaml
from ablations.store import Snapshot, Store
from ablations.store.history import History
from fakeface import data
from fakeface.errors import UserError


def ship(store: Store, uri: str, console: Console, *, follow: bool) -> int:
    """`ablate sync`. Returns the exit status: 1 where something is left or could not be asked.

    Raises:
        UserError: there is no such store.
    """
    if not store.jobs.is_dir():
        raise UserError(f"{store.root}: no store here, so nothing to ship; choose the folder with --store")
    with stop_on_signals() as stop:
        result = tracking.sync(store, uri, follow=follow, stop=stop.is_set)
    for name, texts in result.problems.items():
        console.print(f"{escape(name)}: {escape('; '.join(texts))}", soft_wrap=True)
    for name, text in result.errors.items():
        console.print(f"[red]{escape(name)}[/]: {escape(text)}", soft_wrap=True)
    if result.complete:
        console.print(f"MLflow holds all that the journals do ({escape(uri)}).", soft_wrap=True)
        return 0
    again = f"`ablate sync{escape(store_options(store, uri))}`"
    if result.pending:
        words = f"Left: {result.pending}. The journals keep it; {again} goes on where this stopped."
    else:
        words = f"Whether MLflow holds all could not be made sure; {again} tries again."
    console.print(words, soft_wrap=True)
    return 130 if stop.is_set() and not follow else 1


# -- audit -------------------------------------------------------------------------------------------------------

NOT_AUDITED = {
    Status.NEW: "not trained yet",
    Status.STALE: "what was trained under this name is another training",
    Status.RESUMABLE: "not finished",
    Status.RUNNING: "not finished",
}
"""Why there is nothing to audit, by the word of a job's state."""


def audit_jobs(
    jobs: Sequence[Job],
    store: Store,
    console: Console,
    *,
    device: str,
    threads: int | None,
    steps: int | None,
) -> int:
    """`ablate audit`. Returns the exit status: 1 where something differs.

    Args:
        threads: CPU threads; None: as many as the job was trained with, since its bits hold for that count.

    Raises:
        UserError: none of the jobs could be audited.
    """
    place = machine.select_device(device)
    audited, differing = 0, 0
    for job in jobs:
        state = state_of(job, store)
        if state.history is None or state.status not in (Status.DONE, Status.RE_SCORE):
            console.print(
                f"[yellow]{job.name}[/]  nothing to audit: {escape(_why_not(state))}", soft_wrap=True
            )
            continue
        try:
            images = data.find(job.config.data, store.data)
        except UserError as error:
            console.print(f"[yellow]{job.name}[/]  nothing to audit: {escape(str(error))}", soft_wrap=True)
            continue
        assert images is not None, "a job has an identity only once its data are prepared"
        machine.configure(place, threads or _recorded_threads(state.history))
        finding = audit(job, state.history, images, place, steps=steps)
        audited += 1
        differing += finding.difference is not None
        verdict = (
            f"[red]differs[/] at {escape(finding.difference)}"
            if finding.difference
            else f"[green]the same[/] bit for bit in {finding.steps} steps: every metric and all kept weights"
        )
        console.print(f"[bold]{job.name}[/]  {verdict}", soft_wrap=True)
        console.print(f"  on {finding.stack}", soft_wrap=True)
    if not audited:
        raise UserError("Nothing was audited: none of these jobs is finished. `ablate run` trains them.")
    return 1 if differing else 0


def _why_not(state: JobState) -> str:
    words = [NOT_AUDITED.get(state.status, state.status), state.detail]
    return ": ".join(word for word in words if word)


def _recorded_threads(history: History) -> int:
    return (
        int(history.sessions[-1]["stack"].get("threads") or machine.usable_cores())
        if history.sessions
        else machine.usable_cores()
    )


# -- clean -------------------------------------------------------------------------------------------------------


def clean_store(
    store: Store,
    console: Console,
    *,
    planned: Sequence[Job] | None,
    within: Callable[[History], bool],
    aside: bool,
    yes: bool,
) -> None:
    """`ablate clean`: list what can go, and remove it where told to. For the arguments see `cleaning.removable`."""
    entries = cleaning.removable(store, planned=planned, within=within, aside=aside)
    for entry in entries:
        relative = entry.path.relative_to(store.root)
        words = f"{entry.bytes / 1e6:9.1f} MB  {escape(str(relative))}  [dim]{escape(entry.why)}[/]"
        console.print(words, soft_wrap=True)
    total = sum(entry.bytes for entry in entries) / 1e6
    if yes:
        cleaning.remove(entries)
        console.print(f"Removed {total:.1f} MB.")
    elif entries:
        console.print(f"{total:.1f} MB could go; the same command with --yes removes it.")
    else:
        console.print("Nothing to remove.")
    kept = 0 if aside else sum(entry.bytes for entry in cleaning.set_aside(store, within))
    if kept:
        console.print(
            f"{kept / 1e6:.1f} MB of results that were replaced by --rerun stay; --aside includes them."
        )


def everything(spec_file: Path, store: Snapshot, overrides: Sequence[str]) -> list[Job]:
    """All that a specification leads to: every run under every profile, with every seed that it or the store names.

    With overrides these jobs come on top. What this leaves out, no command asks for without further settings.
    """
    recorded = {history.job["seed"] for history in map(store.history, store.job_folders()) if history.job}
    profiles: list[str | None] = [*read_yaml(spec_file, []).get("profiles").fields()]
    jobs: list[Job] = []
    for profile in profiles or [None]:
        for settings in [(), overrides] if overrides else [()]:
            spec = load_spec(spec_file, profile=profile, overrides=settings)
            spec = replace(spec, seeds=tuple(sorted({*spec.seeds, *recorded})))
            jobs += make_plan(spec, spec.runs, lambda config: store.find_data(config).images)
    return jobs


def recorded_under(
    profile: str | None, groups: Sequence[str], runs: Sequence[str], seeds: Sequence[int] | None
) -> Callable[[History], bool]:
    """The selectors, as a test of what a journal says of itself; all pass where nothing is selected."""

    def fits(history: History) -> bool:
        if seeds is not None and history.job.get("seed") not in seeds:
            return False
        if profile is None and not groups and not runs:
            return True
        return any(
            profile in (None, name["profile"])
            and (
                not (groups or runs)
                or name["group"] in groups
                or any(fnmatch.fnmatchcase(name["run"], pattern) for pattern in runs)
            )
            for name in history.names
        )

    return fits
