"""A study's own run in MLflow, in the experiment of its trials: what it found, as tags, and its files."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.content import MAX_PARAM_CHARS, MAX_TAG_CHARS
from ablations.tracking.state import folder_of
from fakeface.files import whole_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD = "study.json"
_PARAMS = (
    "study",
    "base",
    "optimizer",
    "axis",
    "space",
    "objective",
    "metric",
    "num_samples",
    "total_steps",
    "seeds",
)


def ship_study(client: "MlflowClient", store: Store, uri: str, folder: Path) -> None:
    """Log a study's record and figures where they changed since they were last logged. Raises MLflow's errors."""
    digest = _digest(folder)
    note = folder_of(store, uri) / f"study-{folder.name}"
    if not digest or (note.exists() and note.read_text() == digest):
        return
    record = json.loads((folder / RECORD).read_text())
    experiment = server.experiment_id(client, store, uri, record["experiment"])
    begun = int(record["begun"] or 0)
    run_id = server.find_or_create_run(client, experiment, {"study": folder.name}, record["study"], begun)
    for name in _PARAMS:
        client.log_param(run_id, name, _text(record[name])[:MAX_PARAM_CHARS])
    for name, value in study_tags(record).items():
        client.set_tag(run_id, name, value[:MAX_TAG_CHARS], synchronous=True)
    for path in _files(folder):
        client.log_artifact(run_id, str(path))
    client.set_terminated(run_id, "FINISHED")
    with whole_file(note) as file:
        file.write(digest.encode())


def study_tags(record: dict[str, Any]) -> dict[str, str]:
    """What a study found, in words that the page's table shows."""
    tags = {name: str(record[name]) for name in ("profile", "base")} | {"trials": str(len(record["trials"]))}
    for name in ("best", "reference"):
        found = record[name]
        if found:
            tags[f"{name}.value"] = _text(found["value"])
            tags |= {f"{name}.{path}": _text(value) for path, value in found["params"].items()}
    for side, edge in record["edges"].items():
        tags |= {f"{side}_edge.{key}": _text(edge[key]) for key in ("estimate", "low", "high")}
    return tags


def _files(folder: Path) -> list[Path]:
    return [folder / RECORD, *sorted(folder.glob("*.png"))]


def _digest(folder: Path) -> str:
    """Of all that is shipped; empty while there is no record."""
    if not (folder / RECORD).exists():
        return ""
    whole = hashlib.sha256()
    for path in _files(folder):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
