"""What a study found, as one JSON file beside its trials: all that the report, the figures and MLflow need of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from ablations.spec import StudySpec
from ablations.studies.edges import Staircase, axis_of
from ablations.studies.results import Result
from ablations.studies.sampling import importances, params_of
from fakeface.files import whole_file

FILE = "study.json"
_STATES = {
    TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting", TrialState.FAIL: "failed",
}  # fmt: skip


def trials_record(opened: optuna.Study, study: StudySpec) -> list[dict[str, Any]]:
    """Every trial: number, params (searched), settings (what they came to), state, value, cut, regime, results."""
    return [
        {
            "number": trial.number,
            "state": _STATES[trial.state],
            "enqueued": bool(trial.user_attrs.get("enqueued")),
            "params": (params := params_of(study, trial)),
            "settings": study.settings(params),
            "value": trial.value if trial.state == TrialState.COMPLETE else None,
            "cut": trial.user_attrs.get("cut", {}).get("why", ""),
            "regime": trial.user_attrs.get("regime"),
            "results": json.loads(trial.user_attrs.get("results", "[]")),
        }
        for trial in opened.get_trials(deepcopy=False)
    ]


def study_record(
    study: StudySpec,
    opened: optuna.Study,
    *,
    facts: Mapping[str, Any],
    edges: Sequence[Staircase] = (),
    best: Mapping[str, Any] | None = None,
    reference: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The file's content. `facts`: name, profile, experiment, metric, num_samples, total_steps, data, digests."""
    begun = [trial.datetime_start for trial in opened.get_trials(deepcopy=False) if trial.datetime_start]
    return {
        **facts,
        "study": study.name,
        "begun": int(min(begun).timestamp() * 1000) if begun else None,
        "description": study.entry.description,
        "base": study.base.name,
        "reference_name": study.entry.reference,
        "optimizer": study.base.config.optimizer.name,
        "objective": study.entry.objective.model_dump(),
        "axis": axis_of(study),
        "space": {path: dimension.model_dump(mode="json") for path, dimension in study.space.items()},
        "planned_trials": study.trials,
        "trials": trials_record(opened, study),
        "importances": importances(opened),
        "edges": {staircase.side: edge_record(staircase) for staircase in edges},
        "best": best,
        "reference": reference,
    }


def keep_findings(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The record with the edges and confirmations that the folder's file has of the very same trials."""
    try:
        before = json.loads((folder / FILE).read_text())
        same = [(t["number"], t["state"]) for t in before["trials"]] == [
            (t["number"], t["state"]) for t in record["trials"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return record
    return (
        record | {key: before[key] for key in ("edges", "best", "reference", "idle_share")}
        if same
        else record
    )


def edge_record(staircase: Staircase) -> dict[str, Any]:
    """One edge of the window, in the units of the setting; None where it was not found."""
    found = staircase.located()
    bounds = {
        key: (10 ** getattr(found, key) if found is not None else None) for key in ("estimate", "low", "high")
    }
    tried = [{"x": seen.x, "worked": seen.worked} for seen in (*staircase.before, *staircase.tried)]
    return {
        **bounds,
        "level": found.level if found else None,
        "tried": tried,
        "results": [
            {"x": staircase.xs[index]} | result.to_json() for index, result in enumerate(staircase.results)
        ],
    }


def confirmed(
    name: str,
    settings: Mapping[str, Any],
    params: Mapping[str, Any],
    results: Sequence[Result],
    *,
    planned: int | None = None,
) -> dict[str, Any]:
    """The best setting or the reference, as its confirmation on fresh seeds found it.

    Its `value` is None unless each of the `planned` seeds (all, where not given) gave a finite distance.
    """
    values = [result.quality for result in results]
    known = [value for value in values if value is not None]
    return {
        "name": name,
        "params": dict(params),
        "settings": dict(settings),
        "seeds": [result.seed for result in results],
        "values": values,
        "value": sum(known) / len(known) if known and len(known) == (planned or len(values)) else None,
        "outcomes": [[result.exit, result.samples, result.dynamics] for result in results],
        "results": [result.to_json() for result in results],
    }


def write(folder: Path, record: Mapping[str, Any]) -> Path:
    """Replace the study's file, whole."""
    path = folder / FILE
    with whole_file(path) as file:
        file.write((json.dumps(record, indent=1, allow_nan=False) + "\n").encode())
    return path
