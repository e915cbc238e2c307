"""Studies and the report in MLflow: a run each, with what was found as tags, and the files."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store import Store, has_file
from ablations.store.sealed import is_changed
from ablations.tracking import server
from ablations.tracking.content import MAX_PARAM_CHARS, MAX_TAG_CHARS, allowed_name
from fakeface.files import regular_file, whole_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND = "ablate"
"""Tag of these runs, which trainings lack: `study` or `report`."""
_OWN_TAGS = ("best.", "reference.", "lower_edge.", "upper_edge.", "claim.")
"""Prefixes of tags that are deleted when a later result does not set them."""
_STUDY_PARAMS = (
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
class _RunContent:
    """What the run of a result shows besides the files."""

    experiment: str
    name: str
    begun: int
    """ms since 1970."""
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedResult:
    """A study or the report: files that go to one run."""

    name: str
    """For people; also the name of the file that notes what was shipped."""
    key: tuple[str, str]
    """Name and value of the tag by which the run is found."""
    files: Sequence[Path]
    """The JSON record first."""
    read: Callable[[Mapping[str, Any]], _RunContent]
    """Extracts what the run shows from the record."""


def published_results(store: Store) -> list[PublishedResult]:
    """The store's studies that have been written, and its report."""
    found = []
    for folder in store.study_folders():
        record = folder / "study.json"
        if has_file(folder, record.name):
            pictures = sorted(path for path in folder.glob("*.png") if has_file(folder, path.name))
            key = ("study", folder.name)
            found.append(PublishedResult(f"study-{folder.name}", key, [record, *pictures], _study))
    report = [store.report / name for name in ("report.json", "report.html")]
    if all(has_file(store.report, path.name) for path in report):
        found.append(PublishedResult("report", (KIND, "report"), report, _report))
    return found


def is_shipped(store: Store, uri: str, result: PublishedResult) -> bool:
    """Whether exactly these files were acknowledged. Does not contact the server."""
    return _shipped(store, uri, result)[1] == _digest(result.files)


class ResultShipper:
    """Ships results that changed. Keep one per process: it remembers the files that it has checked."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store, self.uri = store, uri
        self._done: dict[str, Signature] = {}

    def ship(self, client: "MlflowClient", result: PublishedResult, abort: Callable[[], bool]) -> None:
        """Log the files if they changed or MLflow does not have the run. Raises MLflow's errors."""
        signature = _signature(result.files)
        # Reports are megabytes and this runs every second, so only a changed one is read.
        if abort() or self._done.get(result.name) == signature:
            return
        digest = _digest(result.files)
        run_id, shipped = _shipped(self.store, self.uri, result)
        if shipped != digest or not server.is_active(client, run_id):
            run_id = self._log(client, result)
            with whole_file(_path(self.store, self.uri, result)) as file:
                file.write(f"{run_id} {digest}".encode())
        self._done[result.name] = signature

    def _log(self, client: "MlflowClient", result: PublishedResult) -> str:
        record = result.files[0]
        body = record.read_bytes()
        try:
            if is_changed(body):
                raise ValueError("its content is not what was written")
            content = result.read(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            words = f"{record}: damaged, or of another version ({type(error).__name__}: {error})"
            raise ValueError(f"{words}; the command that wrote it rebuilds it") from error
        experiment = server.experiment_id(client, self.store, self.uri, content.experiment)
        run_id = server.find_or_create_run(
            client, experiment, dict([result.key]), content.name, content.begun
        )
        for name, value in content.params.items():
            client.log_param(run_id, name, value[:MAX_PARAM_CHARS])
        tags = {allowed_name(name): value for name, value in content.tags.items()}
        for name in client.get_run(run_id).data.tags:
            if name.startswith(_OWN_TAGS) and name not in tags:
                client.delete_tag(run_id, name)
        for name, value in tags.items():
            client.set_tag(run_id, name, value[:MAX_TAG_CHARS], synchronous=True)
        for path in result.files:
            client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, "FINISHED")
        return run_id


def _study(record: Mapping[str, Any]) -> _RunContent:
    """From `study.json`: the best setting and the edges as tags."""
    tags = {KIND: "study", "trials": str(len(record["trials"]))}
    tags |= {name: str(record[name]) for name in ("profile", "base")}
    for name in ("best", "reference"):
        found = record[name]
        if found:
            tags[f"{name}.value"] = _text(found["value"])
            tags |= {f"{name}.{path}": _text(value) for path, value in found["params"].items()}
    for side, edge in record["edges"].items():
        tags |= {f"{side}_edge.{key}": _text(edge[key]) for key in ("estimate", "low", "high")}
    tags["mlflow.note.content"] = _described(record)
    params = {"study": record["name"]} | {name: _text(record[name]) for name in _STUDY_PARAMS}
    return _RunContent(record["experiment"], record["name"], int(record["begun"] or 0), tags, params)


def _described(record: Mapping[str, Any]) -> str:
    """A study in a few lines of Markdown, which the run's page shows."""
    lines = [record["description"], ""] if record["description"] else []
    lines.append(
        f"The other runs of this experiment are its {len(record['trials'])} trials and what followed."
    )
    for name in ("best", "reference"):
        found = record[name]
        if found and found["value"] is not None:
            settings = ", ".join(f"{path} = {_text(value)}" for path, value in found["params"].items())
            at = f" at {settings}" if settings else ""
            lines.append(
                f"- **{name}**: {record['metric']} {found['value']:.4g}{at}, mean of {found['planned']} new seeds"
            )
    for side, edge in record["edges"].items():
        if edge["estimate"] is not None:
            lines.append(
                f"- **{side} edge** of the window: {edge['estimate']:.3g} ({edge['low']:.3g} to {edge['high']:.3g})"
            )
    return "\n".join(lines)


def _report(record: Mapping[str, Any]) -> _RunContent:
    """From `report.json`: the verdict on each claim as a tag."""
    verdicts = {f"claim.{claim['id']}": claim["verdict"] for claim in record["claims"]}
    tags = {KIND: "report", "command": record["command"], **verdicts}
    return _RunContent(record["title"], "report", int(record["built"]), tags)


def _path(store: Store, uri: str, result: PublishedResult) -> Path:
    return store.mirror_of(uri) / result.name


def _shipped(store: Store, uri: str, result: PublishedResult) -> tuple[str, str]:
    """Run id and digest of what was acknowledged last; empty strings if nothing was."""
    try:
        with regular_file(_path(store, uri, result)) as file:
            run_id, digest = file.read().decode().split()
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
