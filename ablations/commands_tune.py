"""`ablate tune`: a study from its first trial to what its best setting is worth."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablations.commands_work import Mirror, WorkOptions, at_work, configure, prepare_references, with_data
from ablations.options import print_json
from ablations.plan import check_components, make_plan
from ablations.runner import Summary
from ablations.spec import Spec, Study
from ablations.spec_edit import add_run, run_entry
from ablations.store import Store, data_key
from ablations.studies import Crew, Owner, Setting
from ablations.studies.dashboard import serve
from ablations.studies.sampling import storage_of
from ablations.view import coloured
from analysis.studies import from_record
from analysis.study_report import write_figures
from analysis.study_words import study_words
from fakeface.errors import UserError


@dataclass(frozen=True)
class TuneOptions:
    """The options of `ablate tune` that are not selectors."""

    work: WorkOptions
    storage: str | None
    """URL of a database that keeps the trials; None: a journal in the store."""
    add: str | None
    """Name under which the best setting becomes a run of the specification; None: it is printed only."""
    json: bool


def tune(spec: Spec, study: Study, store: Store, options: TuneOptions, console: Console) -> int:
    """Search, locate the edges, confirm, show. Returns the exit status, as `ablate run` does.

    Raises:
        UserError: bad input, a machine that will not do, or a study that another process owns.
    """
    configure(options.work)
    partner = next((other for other in spec.studies if other.name == study.entry.reference), None)
    studies = [study] if partner is None else [partner, study]
    bases = [one.run({}, one.name) for one in studies]
    check_components(bases)
    images = with_data(bases, store, console)
    jobs = make_plan(spec, bases, lambda config: images[data_key(config)])
    prepare_references(jobs, images, store, options.work, console)
    mirror = Mirror(store, options.work) if options.work.mirror else None
    try:
        with at_work(store, options.work, _most_jobs(study, partner), console) as (executor, view):
            crew = Crew(executor, store, view)
            owners = [
                Owner(spec, one, store, crew, lambda config: images[data_key(config)], options.storage)
                for one in studies
            ]
            best = _work(spec, owners)
        if best is not None:
            _draw(owners)
    finally:
        left = mirror.close(console) if mirror else ""
    if left:
        console.print(left, soft_wrap=True)
    return _tell(spec, owners[-1], best, crew.summary, options, console)


def serve_dashboard(
    spec: Spec, study: Study, store: Store, url: str | None, port: int, console: Console
) -> None:
    """Optuna's dashboard on a study that has begun, until Ctrl-C. Raises UserError where there is none."""
    images = {data_key(study.base.config.data): store.find_data(study.base.config.data).images}
    crew: Any = None  # looks only
    owner = Owner(spec, study, store, crew, lambda config: images[data_key(config)], url)
    if url is None and not (owner.folder / "optuna.journal").exists():
        raise UserError(
            f"{study.name}: not begun yet with these settings; `ablate tune {study.name}` does that"
        )
    console.print(f"Dashboard: http://127.0.0.1:{port}  (Ctrl-C ends it)", soft_wrap=True)
    serve(storage_of(owner.folder, url), port)


def _most_jobs(study: Study, partner: Study | None) -> int:
    searched = sum(one.trials * one.seeds for one in (study, partner) if one is not None)
    compared = 2 if study.entry.reference is not None else 1
    return searched + 2 * study.edges + compared * study.confirm


def _work(spec: Spec, owners: list[Owner]) -> Setting | None:
    """All searches, the last one's with edges and confirmation; None where the command was stopped before the end."""
    found: Setting | None = None
    for owner in owners:
        with owner.owned() as opened:
            reference, found = found, owner.search(opened)
            if found is None:
                return None
            if owner is owners[-1]:
                owner.confirm(opened, found, reference or _reference_run(spec, owner.study))
    return found


def _draw(owners: list[Owner]) -> None:
    """Every study's figures; the last one's with the search of its reference behind them."""
    studies = [from_record(owner.found) for owner in owners]
    for owner, study, before in zip(owners, studies, [None, *studies], strict=False):
        write_figures(owner.folder, study, before)


def _reference_run(spec: Spec, study: Study) -> Setting | None:
    """The run that the study is held against, at the study's length."""
    run = next((run for run in spec.runs if run.name == study.entry.reference), None)
    if run is None:
        return None
    return Setting(run.name, study.resized(run), {}, {})


# -- what is told ------------------------------------------------------------------------------------------------


def _tell(
    spec: Spec, owner: Owner, best: Setting | None, summary: Summary, options: TuneOptions, console: Console
) -> int:
    record, study = owner.found, owner.study
    if best is None:
        if not summary.exit_status:
            console.print(f"[yellow]{study.name}: trials are left[/]; the same command goes on.")
        if summary.exit_status == 130:
            console.print("[yellow]Interrupted.[/] The same command goes on where this one stopped.")
        return summary.exit_status
    name = options.add or f"{study.base.name}-tuned"
    searched = study.searched_settings(best.params)
    description = _description(record)
    if options.json:
        print_json(record)
    else:
        print_found(record, console)
        console.print(f"\nFor {spec.path}, under `runs:`" + (" (added)" if options.add else ""))
        console.print(escape(run_entry(name, study.base.name, searched, description)), highlight=False)
        console.print(f"Figures: {os.path.relpath(owner.folder)}/", soft_wrap=True)
    if options.add:
        add_run(spec.path, options.add, study.base.name, searched, description)
    return summary.exit_status


def print_found(record: Mapping[str, Any], console: Console) -> None:
    """The best setting and the reference seed by seed, then what the trials say, in sentences."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "params", "seed", "outcome", record["metric"]):
        table.add_column(column, justify="right" if column in ("seed", record["metric"]) else "left")
    for which in ("best", "reference"):
        found = record[which]
        for index, seed in enumerate(found["seeds"] if found else ()):
            words = [word for word in found["outcomes"][index] if word]
            value = found["values"][index]
            params = ", ".join(
                f"{path} {value:g}" if isinstance(value, float) else f"{path} {value}"
                for path, value in found["params"].items()
            )
            shown = "—" if value is None else f"{value:,.1f}"
            first = index == 0
            table.add_row(
                found["name"] if first else "", params if first else "", str(seed), coloured(words), shown
            )
    console.print()
    console.print(table)
    for sentence in study_words(from_record(record)):
        console.print(f"- {escape(sentence)}", soft_wrap=True)


def _description(record: Mapping[str, Any]) -> str:
    best = record["best"]
    value = f", {record['metric']} {best['value']:.1f}" if best and best["value"] is not None else ""
    return f"Found by the study {record['study']}{value} after {record['total_steps']} steps."
