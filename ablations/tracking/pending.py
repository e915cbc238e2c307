"""What MLflow has not acknowledged of a store, from the files alone. Imports no mlflow."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ablations.store import Store, is_running, journal
from ablations.tracking import state as states
from ablations.tracking.content import Facts, points
from ablations.tracking.findings import findings, is_shipped
from ablations.tracking.state import State, unsettled


@dataclass(frozen=True)
class JobPending:
    """What of one job MLflow has not acknowledged."""

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
    """What MLflow has not acknowledged, by job folder, without the jobs that are done. False when empty."""

    jobs: dict[str, JobPending] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    """Studies, and the report."""

    def __bool__(self) -> bool:
        return bool(self.jobs or self.findings)

    @property
    def points(self) -> int:
        return sum(job.points for job in self.jobs.values())

    @property
    def images(self) -> int:
        return sum(job.images for job in self.jobs.values())

    @property
    def models(self) -> int:
        return sum(job.model for job in self.jobs.values())

    @property
    def files(self) -> int:
        return sum(job.file for job in self.jobs.values())

    def __str__(self) -> str:
        counts = [(self.points, "point"), (self.images, "image"), (self.models, "model")]
        rest = _count(self.files, "journal") if self.files else "the status"
        of_jobs = [_count(number, noun) for number, noun in counts if number] or [rest]
        parts = [f"{_listed(of_jobs)} of {_count(len(self.jobs), 'job')}"] if self.jobs else []
        return _listed([*parts, *(f"the {name}" for name in self.findings)]) or "nothing"


def pending(store: Store, uri: str) -> Pending:
    """How much is left to ship, from journals, findings and notes alone: the server is not asked."""
    jobs = {
        folder.name: _pending_of(folder, states.load(store, uri, folder.name))
        for folder in store.job_folders()
    }
    left = tuple(finding.name for finding in findings(store) if not is_shipped(store, uri, finding))
    return Pending({name: job for name, job in jobs.items() if job}, left)


@dataclass
class _Left:
    """What is left of a journal, and what the last attempt's run will then say."""

    facts: Facts
    offset: int
    """Byte behind the last whole record."""
    rows: int = 0
    images: int = 0
    records: int = 0


def _pending_of(folder: Path, state: State) -> JobPending:
    left = _replay(folder / "journal.jsonl", state)
    after = replace(state, facts=left.facts, offset=left.offset)
    has_run = bool(state.run_id or left.rows or left.images or left.facts.session or left.facts.outcome)
    running = left.facts.outcome is None and is_running(folder)
    return JobPending(
        left.rows,
        left.images,
        left.records,
        model=left.facts.wants_model and not state.model,
        file=has_run and not running and after.journal != after.offset,
        status=bool(left.facts.job or state.run_id) and unsettled(after, folder),
    )


def _replay(path: Path, state: State) -> _Left:
    """Walk what is left as shipping would, to the last attempt."""
    left = _Left(replace(state.facts, notes=list(state.facts.notes)), state.offset)
    reading = journal.read(path, state.offset)
    for record, offset in zip(reading.records, reading.offsets, strict=True):
        left.records += 1
        if state.is_new_branch(record, offset):
            further = _replay(path, state.branched(record, offset))
            further.rows, further.images = further.rows + left.rows, further.images + left.images
            further.records += left.records
            return further
        left.offset = offset
        if not state.superseded(record, offset):
            left.facts.apply(record)
            left.rows += sum(1 for _ in points(record, state.limit(offset)))
            left.images += record["kind"] == "image"
    return left


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
