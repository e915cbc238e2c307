"""What was found beyond single jobs, by a study or the report: a run of its own in MLflow, with tags and files."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store import Store
from ablations.tracking import server
from ablations.tracking.content import MAX_PARAM_CHARS, MAX_TAG_CHARS, allowed_name
from ablations.tracking.state import folder_of
from fakeface.files import whole_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND = "ablate"
"""Tag that tells these runs from trainings: `study` or `report`."""
_OWN_TAGS = ("best.", "reference.", "lower_edge.", "upper_edge.", "claim.")
"""Beginnings of tags that hold for what was found last, and for nothing before it."""
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
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Said:
    """What a finding's run says."""

    experiment: str
    name: str
    begun: int
    """ms since 1970."""
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """Files of a folder that belong to one run."""

    name: str
    """In words, and of its note."""
    key: tuple[str, str]
    """The tag by which the run is found again, and its value."""
    files: Sequence[Path]
    """The record first."""
    read: Callable[[Mapping[str, Any]], _Said]
    """What the record comes to."""


def findings(store: Store) -> list[Finding]:
    """Every study of a store that has been written, and its report."""
    found = []
    for folder in store.study_folders():
        record = folder / "study.json"
        if record.exists():
            pictures = sorted(folder.glob("*.png"))
            found.append(Finding(f"study-{folder.name}", ("study", folder.name), [record, *pictures], _study))
    report = [store.report / name for name in ("report.json", "report.html")]
    if all(path.exists() for path in report):
        found.append(Finding("report", (KIND, "report"), report, _report))
    return found


def is_shipped(store: Store, uri: str, finding: Finding) -> bool:
    """Whether these very files were acknowledged. The server is not asked."""
    return _note(store, uri, finding)[1] == _digest(finding.files)


class FindingShipper:
    """Ships what changed. Keep one as long as the process follows a store: it knows what it has looked at."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store, self.uri = store, uri
        self._settled: dict[str, Signature] = {}

    def ship(self, client: "MlflowClient", finding: Finding, abort: Callable[[], bool]) -> None:
        """Log the files once; again where they changed or MLflow no longer has the run. Raises MLflow's errors."""
        signature = _signature(finding.files)
        # Reports are megabytes, and a pass comes every second: only a changed one is read.
        if abort() or self._settled.get(finding.name) == signature:
            return
        digest = _digest(finding.files)
        run_id, shipped = _note(self.store, self.uri, finding)
        if shipped != digest or not server.is_active(client, run_id):
            run_id = self._log(client, finding)
            with whole_file(_note_path(self.store, self.uri, finding)) as file:
                file.write(f"{run_id} {digest}".encode())
        self._settled[finding.name] = signature

    def _log(self, client: "MlflowClient", finding: Finding) -> str:
        record = finding.files[0]
        try:
            said = finding.read(json.loads(record.read_text()))
        except (ValueError, KeyError, TypeError) as error:
            words = f"{record}: damaged, or of another version ({type(error).__name__}: {error})"
            raise ValueError(f"{words}; the command that wrote it writes it anew") from error
        experiment = server.experiment_id(client, self.store, self.uri, said.experiment)
        run_id = server.find_or_create_run(client, experiment, dict([finding.key]), said.name, said.begun)
        for name, value in said.params.items():
            client.log_param(run_id, name, value[:MAX_PARAM_CHARS])
        tags = {allowed_name(name): value for name, value in said.tags.items()}
        for name in client.get_run(run_id).data.tags:
            if name.startswith(_OWN_TAGS) and name not in tags:
                client.delete_tag(run_id, name)
        for name, value in tags.items():
            client.set_tag(run_id, name, value[:MAX_TAG_CHARS], synchronous=True)
        for path in finding.files:
            client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, "FINISHED")
        return run_id


def _study(record: Mapping[str, Any]) -> _Said:
    """Of `study.json`: the best setting and the edges as tags."""
    tags = {KIND: "study", "trials": str(len(record["trials"]))}
    tags |= {name: str(record[name]) for name in ("profile", "base")}
    for name in ("best", "reference"):
        found = record[name]
        if found:
            tags[f"{name}.value"] = _text(found["value"])
            tags |= {f"{name}.{path}": _text(value) for path, value in found["params"].items()}
    for side, edge in record["edges"].items():
        tags |= {f"{side}_edge.{key}": _text(edge[key]) for key in ("estimate", "low", "high")}
    params = {name: _text(record[name]) for name in _STUDY_PARAMS}
    return _Said(record["experiment"], record["study"], int(record["begun"] or 0), tags, params)


def _report(record: Mapping[str, Any]) -> _Said:
    """Of `report.json`: the verdict on each claim as a tag."""
    verdicts = {f"claim.{claim['id']}": claim["verdict"] for claim in record["claims"]}
    tags = {KIND: "report", "command": record["command"], **verdicts}
    return _Said(record["title"], "report", int(record["built"]), tags)


def _note_path(store: Store, uri: str, finding: Finding) -> Path:
    return folder_of(store, uri) / finding.name


def _note(store: Store, uri: str, finding: Finding) -> tuple[str, str]:
    """Run id and digest of what was acknowledged last; empty where nothing was."""
    try:
        run_id, digest = _note_path(store, uri, finding).read_text().split()
    except (OSError, ValueError):
        return "", ""
    return run_id, digest


def _signature(files: Sequence[Path]) -> Signature:
    return tuple((path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files)


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
