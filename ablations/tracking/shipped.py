"""How far each journal has been shipped to a tracking URI, and what is left. Reads files only; imports no mlflow."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from ablations.store import Store, is_running, journal
from ablations.store.journal import Record
from ablations.tracking.content import STATUS_OF_EXIT, Facts, instance, points
from fakeface.errors import UserError
from fakeface.files import regular_file, whole_file
from fakeface.palette import run_color


@dataclass
class Branch:
    """An inexact resume: records that end at or before byte `offset` count only below `step`."""

    offset: int
    step: int


@dataclass
class Shipped:
    """What a tracking URI has acknowledged of one journal."""

    experiment_id: str = ""
    run_id: str = ""
    """Empty until the run is created."""
    attempt: int = 0
    """Number of branches before this run."""
    offset: int = 0
    """Byte behind the last acknowledged record."""
    branches: list[Branch] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    status: str = ""
    """MLflow's status as last set."""
    exit: str = ""
    """The exit as last tagged."""
    journal: int = 0
    """Bytes of the journal that were uploaded as the run's artifact."""
    model: str = ""
    """Id of the logged model, or why there is none; empty until one of the two is known."""

    def next_attempt(self, record: Record, offset: int) -> "Shipped":
        """Where the run after a branch starts: at byte 0, without what the branch superseded."""
        branches = [*self.branches, Branch(offset, record["step"])]
        return Shipped(experiment_id=self.experiment_id, attempt=self.attempt + 1, branches=branches)

    def limit(self, offset: int) -> float:
        """The step below which a record that ends at byte `offset` counts."""
        return min((branch.step for branch in self.branches if offset <= branch.offset), default=float("inf"))

    @property
    def lacks_journal(self) -> bool:
        """Whether the job has stopped and the uploaded journal is not all of what was shipped."""
        return self.status not in ("", "RUNNING") and self.journal != self.offset

    def is_superseded(self, record: Record, offset: int) -> bool:
        """Whether a branch superseded the record."""
        limit = self.limit(offset)
        return record.get("step", -1) >= limit or (record["kind"] == "outcome" and limit < float("inf"))

    def is_new_branch(self, record: Record, offset: int) -> bool:
        """Whether the record ends this attempt."""
        return record["kind"] == "branch" and all(branch.offset != offset for branch in self.branches)

    def is_replaced(self, path: Path) -> bool:
        """Whether the journal at `path` is another than the one shipped. Raises OSError if there is none.

        Its first record tells. If that is damaged, only a journal shorter than what was shipped is known to be new.
        """
        with regular_file(path) as file:
            first = instance(journal.decode(file.readline()) or {})
            size = file.seek(0, os.SEEK_END)
        return size < self.offset or (first != "" and first != instance(self.facts.job))


_NOTE = TypeAdapter(Shipped)


def load(store: Store, uri: str, name: str) -> Shipped:
    """What was shipped of the job in folder `name`.

    A missing or damaged file, one of an older version, and one about a journal that was replaced (`--rerun`) all
    read as a journal never shipped.
    """
    found = noted(store, uri, name)
    try:
        return Shipped() if found.is_replaced(store.jobs / name / "journal.jsonl") else found
    except OSError:
        return Shipped()


def noted(store: Store, uri: str, name: str) -> Shipped:
    """As `load`, but also about a journal that was replaced."""
    try:
        with regular_file(_path(store, uri, name)) as file:
            return _NOTE.validate_json(file.read())
    except (OSError, ValueError, TypeError):
        return Shipped()


def save(store: Store, uri: str, name: str, shipped: Shipped) -> None:
    """Write atomically; on the disk when this returns. Raises OSError (disk full, read-only)."""
    path = _path(store, uri, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(json.dumps(asdict(shipped)).encode())


def _path(store: Store, uri: str, name: str) -> Path:
    return store.mirror_of(uri) / f"{name}.json"


# -- which runs there are ----------------------------------------------------------------------------------------


def runs(store: Store, uri: str, folders: Iterable[str] | None = None) -> dict[str, Shipped]:
    """The jobs whose MLflow run exists, by folder name: all of the store's, or those in `folders`."""
    if folders is None:
        noted_names = {file.stem for file in store.mirror_of(uri).glob("*.json")}
        folders = [folder.name for folder in store.job_folders() if folder.name in noted_names]
    found = {name: load(store, uri, name) for name in folders}
    return {name: shipped for name, shipped in found.items() if shipped.run_id}


def run_ids(store: Store, uri: str) -> dict[str, str]:
    """MLflow's run id by job folder, for the jobs whose run exists."""
    return {name: shipped.run_id for name, shipped in runs(store, uri).items()}


def color_for(store: Store, run: str, experiment: str) -> str:
    """The colour of a run and all its seeds in MLflow's charts: by the order in which the experiment's runs began.

    It is the report's colour if they began in the order of the specification. MLflow's own choice often gives two of
    four runs the same colour.
    """
    began = sorted(map(_beginning, store.job_folders()), key=lambda facts: int(facts.job.get("time", 0)))
    names = [facts.first_name["run"] for facts in began if facts.first_name.get("experiment") == experiment]
    return run_color(list(dict.fromkeys([*names, run])).index(run))


def _beginning(folder: Path) -> Facts:
    """What the first lines of a job's journal say: they name the job."""
    facts = Facts()
    with contextlib.suppress(OSError), regular_file(folder / "journal.jsonl") as file:
        for line in itertools.islice(file, 3):
            facts.apply(journal.decode(line) or {"kind": ""})
    return facts


# -- what is left ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobPending:
    """What MLflow has not acknowledged of one job. False if that is nothing."""

    points: int = 0
    """Metric values."""
    images: int = 0
    records: int = 0
    """Journal records of any kind."""
    model: bool = False
    file: bool = False
    """The journal itself."""
    status: bool = False

    def __bool__(self) -> bool:
        return bool(self.records or self.model or self.file or self.status)


@dataclass(frozen=True)
class Pending:
    """What MLflow has not acknowledged. False if that is nothing."""

    jobs: dict[str, JobPending] = field(default_factory=dict)
    """By job folder, without the jobs that are complete."""
    results: tuple[str, ...] = ()
    """Names of studies, and `report`."""

    def __bool__(self) -> bool:
        return bool(self.jobs or self.results)

    @property
    def points(self) -> int:
        return sum(job.points for job in self.jobs.values())

    @property
    def images(self) -> int:
        return sum(job.images for job in self.jobs.values())

    @property
    def models(self) -> int:
        return sum(job.model for job in self.jobs.values())

    def __str__(self) -> str:
        counts = [(self.points, "point"), (self.images, "image"), (self.models, "model")]
        files = sum(job.file for job in self.jobs.values())
        rest = _count(files, "journal") if files else "the status"
        of_jobs = [_count(number, noun) for number, noun in counts if number] or [rest]
        parts = [f"{_listed(of_jobs)} of {_count(len(self.jobs), 'job')}"] if self.jobs else []
        return _listed([*parts, *(f"the {name}" for name in self.results)]) or "nothing"


def pending_jobs(store: Store, uri: str) -> dict[str, JobPending]:
    """What is left to ship of each job with anything left.

    Nothing counts of a journal that cannot be read: shipping it reports that.
    """
    found = {
        folder.name: _pending_of(folder, load(store, uri, folder.name)) for folder in store.job_folders()
    }
    return {name: job for name, job in found.items() if job}


def _pending_of(folder: Path, shipped: Shipped) -> JobPending:
    try:
        after, left = _replay(folder / "journal.jsonl", shipped)
    except UserError:
        return JobPending()
    facts = after.facts
    has_run = bool(shipped.run_id or left.points or left.images or facts.session or facts.outcome)
    running = facts.outcome is None and is_running(folder) is not False
    has_status = after.status == STATUS_OF_EXIT[facts.exit(running=running)]
    return replace(
        left,
        model=facts.wants_model and not after.model,
        file=has_run and not running and after.journal != after.offset,
        status=bool(facts.job or shipped.run_id) and not has_status,
    )


def _replay(path: Path, shipped: Shipped) -> tuple[Shipped, JobPending]:
    """Read what is left as shipping would, to the last attempt: where that ends, and what is shipped on the way."""
    after = replace(
        shipped,
        facts=replace(shipped.facts, notes=list(shipped.facts.notes), scores=dict(shipped.facts.scores)),
    )
    rows = images = 0
    reading = journal.read(path, shipped.offset)
    for number, (record, offset) in enumerate(zip(reading.records, reading.offsets, strict=True), 1):
        if shipped.is_new_branch(record, offset):
            last, more = _replay(path, shipped.next_attempt(record, offset))
            return last, JobPending(rows + more.points, images + more.images, number + more.records)
        after.offset = offset
        if not shipped.is_superseded(record, offset):
            after.facts.apply(record)
            rows += sum(1 for _ in points(record, shipped.limit(offset)))
            images += record["kind"] == "image"
    return after, JobPending(rows, images, len(reading.records))


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
