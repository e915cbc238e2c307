"""Journal records -> what MLflow shows. Pure functions; imports neither mlflow nor torch."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ablations.store.journal import Record
from fakeface.outcomes import Exit

MAX_PARAM_CHARS = 6_000
MAX_TAG_CHARS = 5_000
MAX_DIGEST_CHARS = 36
STATUS_OF_EXIT: Mapping[str, str] = {
    Exit.RUNNING: "RUNNING",
    Exit.FINISHED: "FINISHED",
    Exit.DIVERGED: "FINISHED",
    Exit.PRUNED: "FINISHED",
    Exit.INTERRUPTED: "KILLED",
    Exit.CRASHED: "FAILED",
}
"""MLflow's own status for each of our exits: one that ended by its own rules is FINISHED, however it went."""


class Point(NamedTuple):
    """One row of MLflow's metrics. `time` in ms since 1970, as journaled."""

    name: str
    value: float
    time: int
    step: int


@dataclass
class Facts:
    """What the records read so far say about the job as a whole."""

    job: Record = field(default_factory=dict)
    first_name: Record = field(default_factory=dict)
    name: Record = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """All names ever given, `<profile>/<group>/<run>`, the last one first."""
    session: Record = field(default_factory=dict)
    outcome: Record | None = None
    notes: list[str] = field(default_factory=list)

    def apply(self, record: Record) -> bool:
        """Take in one more record; return whether it was about the job as a whole."""
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
            case _:
                return False
        return True

    def exit(self, *, running: bool) -> str:
        """The exit in one word. A process that vanished without an outcome was interrupted."""
        if self.outcome is not None:
            return str(self.outcome["exit"])
        return Exit.RUNNING if running else Exit.INTERRUPTED

    @property
    def wants_model(self) -> bool:
        """Whether the job left a generator that its settings want in MLflow."""
        tracking = self.name.get("config", {}).get("tracking", {})
        return (
            bool(self.outcome and self.outcome.get("generator")) and tracking.get("log_model", True) is True
        )


def allowed_name(name: str) -> str:
    """A metric's or tag's name in characters that MLflow allows: D(x) -> D_x, D(G(z))_before -> D_G_z_before."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_./: -]", "_", name)).strip("_")


def points(record: Record, before: float = float("inf")) -> Iterator[Point]:
    """The metric rows of a record whose step is below `before`; none for kinds that carry no values."""
    if record["kind"] == "metrics":
        for name, values in record["values"].items():
            for step, value in zip(record["steps"], values, strict=True):
                if step < before:
                    yield Point(allowed_name(name), value, record["time"], step)
    elif record["kind"] in ("diagnosis", "evaluation") and record["step"] < before:
        for name, value in record["values"].items():
            yield Point(allowed_name(name), value, record["time"], record["step"])


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as MLflow's params, `{"optimizer.lr": "0.0002"}`. Unset ones are left out."""
    params: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            params |= flatten(value, f"{prefix}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            params[f"{prefix}{name}"] = text[:MAX_PARAM_CHARS]
    return params


def params(facts: Facts) -> dict[str, str]:
    """The resolved settings, as the first plan that named the job gave them: MLflow never changes a param."""
    config = facts.first_name.get("config") or facts.job.get("config", {})
    extra = {name: facts.job.get(name) for name in ("seed", "total_steps")}
    return flatten(config | extra)


def run_name(facts: Facts, folder: str) -> str:
    """`<run>-s<seed>`, under the name of the last plan."""
    if "run" in facts.name and "seed" in facts.job:
        return f"{facts.name['run']}-s{facts.job['seed']}"
    return folder


def instance(job: Record) -> str:
    """What tells a journal from any other of the same job, by its `job` record; empty where that is damaged."""
    return str(job.get("instance") or job.get("time", "")) if job.get("kind", "job") == "job" else ""


def key_tags(facts: Facts, folder: str, attempt: int) -> dict[str, str]:
    """The tags by which a run is found again: never changed."""
    identity = str(facts.job.get("identity", folder.rpartition("-")[2]))
    return {"identity": identity, "instance": instance(facts.job) or "0", "attempt": str(attempt)}


def tags(facts: Facts, folder: str, *, running: bool) -> dict[str, str]:
    """Every other tag, as of now.

    `run`, `group` and `profile` are the last name's. `names` holds all that the training goes by, one tag with
    bars around each, since a name may hold characters (+) that MLflow's tag keys must not:
    `tags.names LIKE '%|quick/report/%'` finds a profile's group, `tags.names LIKE '%/baseline|%'` a run.
    """
    git, stack = facts.session.get("git") or {}, facts.session.get("stack") or {}
    found = {
        "journal": folder,
        "run": facts.name.get("run"),
        "seed": facts.job.get("seed"),
        "group": facts.name.get("group"),
        "profile": facts.name.get("profile"),
        "names": f"|{'|'.join(facts.names)}|" if facts.names else None,
        "exit": facts.exit(running=running),
        "git_commit": git.get("commit"),
        "git_dirty": git.get("dirty"),
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.name": "ablate",
        "device": facts.session.get("device"),
        "threads": facts.session.get("threads"),
        "mlflow.note.content": description(facts),
    }
    found |= {f"stack.{name}": version for name, version in stack.items()}
    if facts.outcome is not None:
        found |= {word: facts.outcome.get(word) for word in ("samples", "dynamics", "weights_sha256")}
    texts = {name: _text(value) for name, value in found.items() if value not in (None, "")}
    return {name: text[:MAX_TAG_CHARS] for name, text in texts.items()}


def description(facts: Facts) -> str:
    """The outcome with its evidence, and the notes, as the Markdown that the run's page shows."""
    lines = []
    outcome = facts.outcome or {}
    for word in ("exit", "samples", "dynamics"):
        if word in outcome:
            onset = (outcome.get("onset") or {}).get(word)
            since = "" if onset is None else f" since step {onset}"
            evidence = (outcome.get("evidence") or {}).get(word, "")
            lines.append(f"- **{word}: {outcome[word]}**{since}{': ' if evidence else ''}{evidence}")
    return "\n".join(lines + [f"- {note}" for note in facts.notes])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
