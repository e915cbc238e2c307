"""`ablate show` and `ablate diff`: one run closely, and two trainings side by side."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ablations.cli.options import (
    RUN_NAMES,
    Commands,
    Json,
    Seeds,
    Selectors,
    SpecOptions,
    TrackingUri,
    with_bundles,
)
from ablations.cli.printing import READING, SafeConsole, console, end_if_left_out, print_json
from fakeface.errors import UserError

if TYPE_CHECKING:
    from ablations.jobs.comparing import Training
    from ablations.jobs.plan import Job
    from ablations.spec import Spec
    from ablations.store import Snapshot

details_app = Commands()

_JOB_NAME = re.compile(r"(.+)-s(\d+)")
NAMES = "a run, a job such as sgd-s0, a variant such as 'sgd[optimizer.lr=0.02]', or an identity of the store"


@details_app.command()
@with_bundles
def show(
    run: Annotated[
        str,
        typer.Argument(help="A run, a job such as sgd-s0, or a variant.", autocompletion=RUN_NAMES),
    ],
    chosen: SpecOptions,
    seeds: Seeds = None,
    tracking_uri: TrackingUri = None,
    json_: Json = False,
) -> None:
    """Show one run: its settings as they take effect, and of each seed the outcome with its evidence, scores, files."""
    with console().working(READING):
        from ablations import tracking
        from ablations.jobs.listing import job_details

        spec, jobs, store = _jobs_of(run, chosen, seeds)
        mlflow_runs = tracking.run_ids(store, tracking_uri or store.tracking_uri)
        rows = [job_details(job, store, mlflow_runs) for job in jobs]
    if json_:
        print_json(rows)
    else:
        descriptions = {one.label: one.description for one in spec.runs} | {
            one.name: one.description for one in spec.runs
        }
        _print_run(rows, descriptions.get(jobs[0].plain, ""), console())
    end_if_left_out(store.unreadable)


@details_app.command()
@with_bundles
def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help=f"What is compared: {NAMES}.", autocompletion=RUN_NAMES)
    ],
    chosen: SpecOptions,
    b: Annotated[
        str | None,
        typer.Argument(
            metavar="B",
            help="What it is compared with; by default the newest other training that the store has of A.",
            autocompletion=RUN_NAMES,
        ),
    ] = None,
    seeds: Seeds = None,
    json_: Json = False,
) -> None:
    """Show the settings and the code that differ from A to B, and what came of both, seed by seed."""
    with console().working(READING):
        from ablations.jobs.comparing import comparison, earlier_training, planned_training

        if b is None:
            _, jobs, store = _jobs_of(a, chosen, seeds)
            earlier = earlier_training(jobs, store)
            if earlier is None:
                raise UserError(
                    f"{a}: the store has no other training under this name; name what to compare it with"
                )
            content = comparison(earlier, planned_training(jobs, store))
        else:
            content = comparison(_training(a, chosen, seeds), _training(b, chosen, seeds))
    if json_:
        print_json(content)
    else:
        _print_comparison(content, console())


def _training(name: str, chosen: SpecOptions, seeds: str | None) -> "Training":
    from ablations.jobs.comparing import planned_training, stored_training
    from ablations.store import Snapshot

    stored = stored_training(name, Snapshot(chosen.store))
    if stored is not None:
        return stored
    _, jobs, store = _jobs_of(name, chosen, seeds)
    return planned_training(jobs, store)


def _jobs_of(name: str, chosen: SpecOptions, seeds: str | None) -> "tuple[Spec, list[Job], Snapshot]":
    """The jobs of one run. Raises UserError if several runs have the name, or none."""
    try:
        spec, jobs, store = Selectors(**vars(chosen), run=[name], seeds=seeds).select()
    except UserError:
        job = _JOB_NAME.fullmatch(name)
        if job is None:
            raise
        spec, jobs, store = Selectors(**vars(chosen), run=[job[1]], seeds=job[2]).select()
    runs = list(dict.fromkeys(job.run for job in jobs))
    if len(runs) > 1:
        raise UserError(f"{name}: these are {len(runs)} runs; name one: {', '.join(runs)}")
    return spec, jobs, store


def _print_run(rows: Sequence[Mapping[str, Any]], description: str, out: SafeConsole) -> None:
    from ablations.cli.columns import Column, print_table

    first = rows[0]
    out.say("[bold]{}[/]  group {}, profile {}", first["run"], first["group"], first["profile"] or "none")
    if description:
        out.print(description)
    out.print()
    if first["settings"] is None:
        out.print(f"Its settings, as far as they do not depend on data: {first['detail']}")
    settings = dict(sorted((first["settings"] or first["changed"]).items()))
    print_table(
        [
            Column("setting", [*settings]),
            Column("value", [_value(value) for value in settings.values()], sentences=True),
        ],
        out,
    )
    for row in rows:
        out.print()
        _print_job(row, out)


def _print_job(row: Mapping[str, Any], out: SafeConsole) -> None:
    from ablations.cli.view import coloured
    from analysis.wording import number

    words = [row["exit"], *(row[name] for name in ("samples", "dynamics") if row[name])]
    out.print(Text.assemble((f"seed {row['seed']}", "bold"), "  ", coloured(words)))
    lines = [("state", f"{row['state']}{': ' if row['detail'] else ''}{row['detail']}")]
    lines += _evidence(row)
    metrics = row["metrics"]
    losses = [f"{name} {number(metrics[name])}" for name in ("Loss_D", "Loss_G", "D(x)") if name in metrics]
    total = "" if row["total_steps"] in (None, row["steps"]) else f" of {row['total_steps']:,}"
    if row["steps"]:
        lines.append(("steps", f"{row['steps']:,}{total}; {', '.join(losses)}"))
    for score in row["scores"]:
        lines.append(("score", f"of {score['details']['num_samples']:,} samples at step {score['step']:,}"))
        lines += [("", words) for words in _measured(score)]
    if row["identity"]:
        lines.append(("identity", row["identity"][:12]))
    if row["mlflow_run_id"]:
        lines.append(("MLflow", row["mlflow_run_id"]))
    if row["folder"]:
        size = sum(file["bytes"] for file in row["files"]) / 1e6
        lines.append(
            ("files", f"{_shown_path(Path(row['folder']))}/: {_file_words(row['files'])}; {size:.1f} MB")
        )
    _print_lines(lines, out)


def _measured(score: Mapping[str, Any]) -> list[str]:
    """Each measure of a score, with its error."""
    from analysis.wording import number
    from fakeface.evaluation.measures import records

    values, found = score["values"], []
    for measure in records(score["metric"]).values():
        if measure.name not in values:
            continue
        error = ""
        if measure.low in values:
            error = f" (95% interval {number(values[measure.low])} to {number(values[measure.high])})"
        elif measure.standard_error in values:
            error = f" ± {number(values[measure.standard_error])}"
        found.append(f"{measure.name} {number(values[measure.name])}{error}")
    return found


def _evidence(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why the job has each of its words, and from which step on."""
    found = []
    for name in ("exit", "samples", "dynamics"):
        why, onset = (row["evidence"] or {}).get(name), (row["onset"] or {}).get(name)
        if why:
            said = onset is None or f"from step {onset} on" in why
            since = "" if said else f" (from step {onset:,} on)"
            found.append((row[name] or name, f"{why}{since}"))
    return found


def _shown_path(path: Path) -> str:
    """A path below the current folder relative to it, any other whole."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _file_words(files: Sequence[Mapping[str, Any]]) -> str:
    names = [Path(file["path"]) for file in files]
    kinds = {
        "journal": [name for name in names if name.name == "journal.jsonl"],
        "grids in samples/": [name for name in names if name.suffix == ".png"],
        "generators": [name for name in names if name.name.startswith("generator-")],
        "checkpoint": [name for name in names if name.name.startswith("checkpoint")],
    }
    return ", ".join(
        kind if len(found) == 1 and kind in ("journal", "checkpoint") else f"{len(found)} {kind}"
        for kind, found in kinds.items()
        if found
    )


def _print_lines(lines: Sequence[tuple[str, str]], out: SafeConsole) -> None:
    """Names and sentences below each other."""
    from ablations.cli.columns import Column, print_table

    names, sentences = zip(*lines, strict=True)
    print_table(
        [Column("", [f"  {name}" for name in names]), Column("", sentences, sentences=True)],
        out,
        header=False,
    )


def _print_comparison(content: Mapping[str, Any], out: SafeConsole) -> None:
    from ablations.cli.columns import Column, print_table

    a, b = content["a"], content["b"]
    settings = content["settings"]
    if settings:
        values = [[_value(pair[side]) for pair in settings.values()] for side in (0, 1)]
        columns = [Column(name, cells, sentences=True) for name, cells in zip((a, b), values, strict=True)]
        print_table([Column("setting", [*settings]), *columns], out)
    else:
        out.print("All settings are the same.")
    out.print()
    if content["data"]:
        before, after = content["data"]
        words = [f"{one['name']} ({one['digest'][:12]})" for one in (before, after)]
        out.say("Data: {} -> {}", *words)
    if content["code"]:
        out.say("Code, from {} to {}:", a, b)
        for words in content["code"]:
            out.print(f"  {words}")
    else:
        out.print("All code is the same.")
    out.print()
    _print_results(content, out)


def _print_results(content: Mapping[str, Any], out: SafeConsole) -> None:
    """How each seed went in both, side by side."""
    from ablations.cli.columns import Column, print_table
    from ablations.cli.view import coloured, in_a_word
    from analysis.wording import number

    pairs = [(row["a"], row["b"]) for row in content["seeds"]]
    columns = [Column("seed", [str(row["seed"]) for row in content["seeds"]], right=True)]
    for name, results in zip((content["a"], content["b"]), zip(*pairs, strict=True), strict=True):
        words = [
            coloured([one[key] for key in ("exit", "samples", "dynamics") if one[key]]) if one else Text("–")
            for one in results
        ]
        brief = [
            coloured([in_a_word(one["exit"], one["samples"], one["dynamics"])]) if one else Text("–")
            for one in results
        ]
        values = [number(one["value"] if one else None) for one in results]
        columns += [Column(name, words, brief_cells=brief), Column("distance", values, right=True)]
    print_table(columns, out)
    scores = {
        (one["metric"], one["num_samples"], one["protocol"])
        for pair in pairs
        for one in pair
        if one and one["metric"]
    }
    names = sorted({f"{metric} (N = {count:,})" for metric, count, _ in scores})
    if names:
        out.print(Text(f"distance: {', '.join(names)}", "dim"))
    if len(scores) > 1:
        out.print(
            Text("The distances were scored under different protocols, so they do not compare.", "yellow")
        )


def _value(value: Any) -> str:
    from analysis.wording import rate

    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value) if isinstance(value, list | dict | bool) else rate(value)
