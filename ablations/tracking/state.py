"""How far each journal has been shipped to a tracking URI. Imports no mlflow."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ablations.store import Store, is_running, journal
from ablations.store.journal import Record
from ablations.tracking.content import STATUS_OF_EXIT, Facts, instance
from fakeface.files import whole_file

COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
)
"""Ten that are easily told apart (matplotlib's)."""


@dataclass
class Cut:
    """A branch: records that end at or before byte `offset` count only below `step`."""

    offset: int
    step: int


@dataclass
class State:
    """What a tracking URI has acknowledged of one journal."""

    experiment_id: str = ""
    run_id: str = ""
    """Empty until the run is made."""
    attempt: int = 0
    """Number of branches (inexact resumes) before this run."""
    offset: int = 0
    """Byte behind the last acknowledged record."""
    cuts: list[Cut] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    status: str = ""
    """MLflow's status as last set."""
    exit: str = ""
    """The exit as last tagged."""
    journal: int = 0
    """Bytes of the journal that lie beside the run as a file."""
    model: str = ""
    """Id of the logged model, or why there is none; empty until that is settled."""

    def branched(self, record: Record, offset: int) -> "State":
        """Where the next attempt starts: at byte 0, superseded records cut."""
        cuts = [*self.cuts, Cut(offset, record["step"])]
        return State(experiment_id=self.experiment_id, attempt=self.attempt + 1, cuts=cuts)

    def limit(self, offset: int) -> float:
        """The step below which a record that ends at byte `offset` counts."""
        return min((cut.step for cut in self.cuts if offset <= cut.offset), default=float("inf"))

    @property
    def lacks_journal(self) -> bool:
        """Whether nobody works on the job and the file beside its run is not its journal as shipped."""
        return self.status not in ("", "RUNNING") and self.journal != self.offset

    def superseded(self, record: Record, offset: int) -> bool:
        """Whether a branch took back the record."""
        step = record.get("step", -1)
        return step >= self.limit(offset) or (
            record["kind"] == "outcome" and self.limit(offset) < float("inf")
        )

    def is_new_branch(self, record: Record, offset: int) -> bool:
        """Whether the record ends this attempt."""
        return record["kind"] == "branch" and all(cut.offset != offset for cut in self.cuts)


def folder_of(store: Store, uri: str) -> Path:
    """Where the states for one tracking URI lie."""
    return store.mirror / hashlib.sha256(uri.encode()).hexdigest()[:12]


def load(store: Store, uri: str, name: str) -> State:
    """The state of the job in folder `name`.

    A missing or damaged file, one of an older version, and one about a journal that another has replaced
    (`--rerun`) all read as a journal never shipped.
    """
    try:
        values: dict[str, Any] = json.loads((folder_of(store, uri) / f"{name}.json").read_bytes())
        values["cuts"] = [Cut(**cut) for cut in values["cuts"]]
        values["facts"] = Facts(names=values["facts"].pop("names"), **values["facts"])
        found = State(**values)
        return State() if is_replaced(store.jobs / name / "journal.jsonl", found) else found
    except (OSError, ValueError, TypeError, KeyError):
        return State()


def save(store: Store, uri: str, name: str, state: State) -> None:
    """Write atomically, on the disk when this returns. Raises OSError (disk full, read-only)."""
    path = folder_of(store, uri) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(json.dumps(asdict(state)).encode())


def run_ids(store: Store, uri: str) -> dict[str, str]:
    """MLflow's run id by job folder, for the jobs whose run has been made."""
    states = {folder.name: load(store, uri, folder.name) for folder in store.job_folders()}
    return {name: state.run_id for name, state in states.items() if state.run_id}


def experiments(
    store: Store, uri: str, *, name: str | None = None, folders: Iterable[str] | None = None
) -> dict[str, str]:
    """MLflow's experiment id by run id, for the jobs whose run has been made.

    Args:
        name: only of the experiment of this name.
        folders: only of the jobs in these folders.
    """
    wanted = [folder.name for folder in store.job_folders()] if folders is None else folders
    states = [load(store, uri, folder) for folder in wanted]
    return {
        s.run_id: s.experiment_id
        for s in states
        if s.run_id and name in (None, s.facts.first_name.get("experiment"))
    }


def colour_for(store: Store, uri: str, run: str) -> str:
    """The colour in which MLflow's charts draw a run, all its seeds alike: the next one that no other run
    has.

    MLflow's own choice gives two of four runs the same colour more often than not.
    """
    names = [load(store, uri, folder.name) for folder in store.job_folders()]
    taken = dict.fromkeys(s.facts.first_name.get("run") for s in sorted(names, key=_begun) if s.run_id)
    order = [name for name in taken if name is not None]
    return COLOURS[(order.index(run) if run in order else len(order)) % len(COLOURS)]


def unsettled(state: State, folder: Path) -> bool:
    """Whether MLflow's status differs from the job's, with all records shipped."""
    running = state.facts.outcome is None and is_running(folder)
    return state.status != STATUS_OF_EXIT[state.facts.exit(running=running)]


def is_replaced(path: Path, state: State) -> bool:
    """Whether the journal is another than the one that the state is about. Raises OSError without a journal.

    Its first record tells; where that is damaged, only a journal shorter than what was shipped does.
    """
    with path.open("rb") as file:
        first = instance(journal.decode(file.readline()) or {})
        size = file.seek(0, os.SEEK_END)
    return size < state.offset or (first != "" and first != instance(state.facts.job))


def _begun(state: State) -> float:
    return float(state.facts.job.get("time", 0))
