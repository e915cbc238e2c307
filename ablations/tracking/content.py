"""Journal records -> what MLflow shows. Pure functions; imports neither mlflow nor torch."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ablations.store.journal import Record
from fakeface.outcomes import Exit
from fakeface.scores import ScoreKind

MAX_PARAM_CHARS = 6_000
MAX_TAG_CHARS = 5_000
MAX_DIGEST_CHARS = 36
MAX_RUN_NAME_CHARS = 220
"""Of a run's name before the seed: MLflow's databases have columns of 250."""
SUPERSEDED = "superseded"
"""The tag `exit` of a run that another one replaced after an inexact resume."""
OBJECTIVE = "objective"
"""The tag with what the losses mean, as the `job` record declares it."""
STATUS_OF_EXIT: Mapping[str, str] = {
    Exit.RUNNING: "RUNNING",
    Exit.FINISHED: "FINISHED",
    Exit.DIVERGED: "FINISHED",
    Exit.PRUNED: "FINISHED",
    Exit.INTERRUPTED: "KILLED",
    Exit.CRASHED: "FAILED",
}
"""MLflow's status for each exit. A job that was not stopped from outside is FINISHED, whatever its result."""


class Point(NamedTuple):
    """One row of MLflow's metrics. `time` in ms since 1970, as journaled."""

    name: str
    value: float
    time: int
    step: int


@dataclass
class Facts:
    """What a journal's records so far say about the job as a whole."""

    job: Record = field(default_factory=dict)
    first_name: Record = field(default_factory=dict)
    name: Record = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """All names that plans gave it, `<profile>/<group>/<run>`, the newest first."""
    session: Record = field(default_factory=dict)
    outcome: Record | None = None
    notes: list[str] = field(default_factory=list)
    scores: dict[str, str] = field(default_factory=dict)
    """Name of the distance by kind of score, as far as there are scores."""
    final: dict[str, str] = field(default_factory=dict)
    """Metric and protocol of the last final score."""
    last_grid: int = 0
    """Step of the last grid of samples."""

    def apply(self, record: Record) -> bool:
        """Add one record. Returns whether it was about the job as a whole."""
        match record["kind"]:
            case "job":
                self.job = record
            case "named":
                self.name = record
                self.first_name = self.first_name or record
                named = "/".join(str(record.get(word, "")) for word in ("profile", "group", "run"))
                self.names = list(dict.fromkeys([named, *self.names]))
            case "session":
                self.session, self.outcome = record, None
            case "outcome":
                self.outcome = record
            case "note":
                self.notes.append(record["text"])
            case "image":
                self.last_grid = int(record["step"])
                return False
            case ScoreKind.FINAL | ScoreKind.CURVE:
                kind = ScoreKind(record["kind"])
                self.scores[kind] = record["metric"]
                if kind is ScoreKind.FINAL:
                    self.final = {word: str(record[word]) for word in ("metric", "protocol")}
                return False
            case _:
                return False
        return True

    def exit(self, *, running: bool) -> str:
        """The exit. A job without an outcome whose process died was interrupted."""
        if self.outcome is not None:
            return str(self.outcome["exit"])
        return Exit.RUNNING if running else Exit.INTERRUPTED

    @property
    def wants_model(self) -> bool:
        """Whether the job has a generator and its settings ask for it in MLflow."""
        tracking = self.name.get("config", {}).get("tracking", {})
        return (
            bool(self.outcome and self.outcome.get("generator")) and tracking.get("log_model", True) is True
        )


def since_1970(record: Record) -> Record:
    """The record, with a time that MLflow accepts: it refuses those before 1970, which a wrong clock gives."""
    return record | {"time": 0} if record.get("time", 0) < 0 else record


def begun(facts: Facts) -> int:
    """When the job began, in ms since 1970."""
    return int(facts.job.get("time") or facts.session.get("time") or 0)


def allowed_name(name: str) -> str:
    """A metric's or tag's name in the characters that MLflow allows: D(x) -> D_x, D(G(z))_before -> D_G_z_before."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_./: -]", "_", name)).strip("_")


def points(record: Record, before: float = float("inf")) -> Iterator[Point]:
    """A record's metric rows with steps below `before`; none for kinds without values."""
    if record["kind"] == "metrics":
        for name, values in record["values"].items():
            for step, value in zip(record["steps"], values, strict=True):
                if step < before:
                    yield Point(allowed_name(name), value, record["time"], step)
    elif record["kind"] in ("diagnosis", *ScoreKind) and record["step"] < before:
        for name, value in record["values"].items():
            yield Point(allowed_name(name), value, record["time"], record["step"])


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as MLflow's params, `{"optimizer.lr": "0.0002"}`, without those that are None."""
    params: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            params |= flatten(value, f"{prefix}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            params[f"{prefix}{name}"] = text[:MAX_PARAM_CHARS]
    return params


def params(facts: Facts) -> dict[str, str]:
    """The resolved settings from the first plan that named the job, since MLflow never changes a param."""
    config = facts.first_name.get("config") or facts.job.get("config", {})
    extra = {name: facts.job.get(name) for name in ("seed", "total_steps")}
    return flatten(config | extra)


def run_name(facts: Facts, folder: str) -> str:
    """`<run>-s<seed>`, with the run's name in the newest plan."""
    if "run" in facts.name and "seed" in facts.job:
        return f"{str(facts.name['run'])[:MAX_RUN_NAME_CHARS]}-s{facts.job['seed']}"
    return folder


def instance(job: Record) -> str:
    """What distinguishes a journal from others of the same job, from its `job` record; empty if that is damaged."""
    return str(job.get("instance") or job.get("time", "")) if job.get("kind", "job") == "job" else ""


def key_tags(facts: Facts, folder: str, attempt: int) -> dict[str, str]:
    """The tags by which a run is found. They never change."""
    identity = str(facts.job.get("identity", folder.rpartition("-")[2]))
    return {"identity": identity, "instance": instance(facts.job) or "0", "attempt": str(attempt)}


def tags(facts: Facts, folder: str, *, running: bool) -> dict[str, str]:
    """Every other tag, as of now.

    `run`, `group` and `profile` are those of the newest plan, and `set` is what its `--set` changed. `names` lists all
    names that the training has had, in one tag with bars around each, since a name may have characters (+) that MLflow
    does not allow in tag keys: `tags.names LIKE '%|quick/report/%'` finds a profile's group,
    `tags.names LIKE '%/baseline|%'` a run.
    """
    git, stack = facts.session.get("git") or {}, facts.session.get("stack") or {}
    found = {
        "journal": folder,
        "run": facts.name.get("run"),
        "seed": facts.job.get("seed"),
        "group": facts.name.get("group"),
        "set": ", ".join(facts.name.get("overrides", ())),
        "profile": facts.name.get("profile"),
        "names": f"|{'|'.join(facts.names)}|" if facts.names else None,
        "exit": facts.exit(running=running),
        "git_commit": git.get("commit"),
        "git_dirty": git.get("dirty"),
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.name": "ablate",
        OBJECTIVE: json.dumps(facts.job["objective"]) if "objective" in facts.job else None,
        "device": stack.get("device"),
        "threads": stack.get("threads"),
        "mlflow.note.content": description(facts),
    }
    found |= {f"stack.{name}": version for name, version in stack.items()}
    if facts.outcome is not None:
        found |= {word: facts.outcome.get(word) for word in ("samples", "dynamics", "weights_sha256")}
    texts = {name: _text(value) for name, value in found.items() if value not in (None, "")}
    return {name: text[:MAX_TAG_CHARS] for name, text in texts.items()}


def description(facts: Facts) -> str:
    """What the run is, the outcome with its evidence, and the notes, as the Markdown that the run's page shows."""
    about = str(facts.name.get("description") or "")
    lines = [about, ""] if about else []
    outcome = facts.outcome or {}
    for word in ("exit", "samples", "dynamics"):
        if word in outcome:
            onset = (outcome.get("onset") or {}).get(word)
            since = "" if onset is None else f" since step {onset}"
            evidence = (outcome.get("evidence") or {}).get(word, "")
            lines.append(
                f"- **{word}: {outcome[word] or 'none'}**{since}{': ' if evidence else ''}{evidence}"
            )
    return "\n".join(lines + [f"- {note}" for note in facts.notes])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
