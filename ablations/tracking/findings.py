"""What was found beyond single jobs, by a study or the report: a run of its own in MLflow, with tags and files."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.content import MAX_PARAM_CHARS, MAX_TAG_CHARS
from ablations.tracking.state import folder_of
from fakeface.files import whole_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY = "study.json"
REPORT = "report.json"
_STUDY_PARAMS = (
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


@dataclass(frozen=True)
class _Found:
    """What its run says."""

    experiment: str
    key: tuple[str, str]
    """The tag by which the run is found again, and its value."""
    name: str
    begun: int
    """ms since 1970."""
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)


_Read = Callable[[Mapping[str, Any], Path], _Found]
"""Record, folder -> what its run says."""


def ship_study(client: "MlflowClient", store: Store, uri: str, folder: Path) -> None:
    """Log a study's record and figures where they changed since they were last logged. Raises MLflow's errors."""
    record = folder / STUDY
    if record.exists():
        _ship(client, store, uri, f"study-{folder.name}", [record, *sorted(folder.glob("*.png"))], _study)


def ship_report(client: "MlflowClient", store: Store, uri: str) -> None:
    """Log the store's report where it changed since it was last logged. Raises MLflow's errors."""
    record = store.report / REPORT
    if record.exists():
        _ship(client, store, uri, "report", [record, store.report / "report.html"], _report)


def _ship(
    client: "MlflowClient", store: Store, uri: str, what: str, files: Sequence[Path], read: _Read
) -> None:
    """Log files, the first of which is the record that `read` turns into a run; once for the same bytes."""
    digest = _digest(files)
    note = folder_of(store, uri) / what
    if note.exists() and note.read_text() == digest:
        return
    found = read(json.loads(files[0].read_text()), files[0].parent)
    experiment = server.experiment_id(client, store, uri, found.experiment)
    run_id = server.find_or_create_run(client, experiment, dict([found.key]), found.name, found.begun)
    for name, value in found.params.items():
        client.log_param(run_id, name, value[:MAX_PARAM_CHARS])
    for name, value in found.tags.items():
        client.set_tag(run_id, name, value[:MAX_TAG_CHARS], synchronous=True)
    for path in files:
        client.log_artifact(run_id, str(path))
    client.set_terminated(run_id, "FINISHED")
    with whole_file(note) as file:
        file.write(digest.encode())


def _study(record: Mapping[str, Any], folder: Path) -> _Found:
    """Of `study.json`: the best setting and the edges as tags."""
    tags = {name: str(record[name]) for name in ("profile", "base")} | {"trials": str(len(record["trials"]))}
    for name in ("best", "reference"):
        found = record[name]
        if found:
            tags[f"{name}.value"] = _text(found["value"])
            tags |= {f"{name}.{path}": _text(value) for path, value in found["params"].items()}
    for side, edge in record["edges"].items():
        tags |= {f"{side}_edge.{key}": _text(edge[key]) for key in ("estimate", "low", "high")}
    params = {name: _text(record[name]) for name in _STUDY_PARAMS}
    key = ("study", folder.name)
    return _Found(record["experiment"], key, record["study"], int(record["begun"] or 0), tags, params)


def _report(record: Mapping[str, Any], _: Path) -> _Found:
    """Of `report.json`: the verdict on each claim as a tag."""
    verdicts = {f"claim.{claim['id']}": claim["verdict"] for claim in record["claims"]}
    tags = {"command": record["command"], **verdicts}
    return _Found(record["title"], ("report", record["title"]), "report", int(record["built"]), tags)


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
