"""A job's journal, read back: series, evaluations, images, outcome. The basis of status, analysis and resume."""

import bisect
import operator
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

from ablations.store import journal
from ablations.store.journal import Record
from fakeface.errors import UserError
from fakeface.gan.series import LOSS_D
from fakeface.outcomes import Exit
from fakeface.scores import ScoreKind

_LISTS = {
    "named": "names",
    "session": "sessions",
    "image": "images",
    "diagnosis": "diagnoses",
    ScoreKind.FINAL: "evaluations",
    ScoreKind.CURVE: "curve",
    "branch": "branches",
    "note": "notes",
}
"""Kinds of records that a history keeps, and in which list."""

_LATE = {f'{{"kind":"{kind}",'.encode(): kind for kind in ("metrics", "image", "diagnosis")}
"""Kinds whose records are parsed on first use, by how their JSON begins: they are most of a journal, and most commands
need none of them."""
_LATE_START = tuple(_LATE)


class Series:
    """One metric: ascending steps, with their values and times (ms). The first record of a step counts."""

    def __init__(
        self, steps: Iterable[int] = (), values: Iterable[float] = (), times: Iterable[int] = ()
    ) -> None:
        self.steps, self.values, self.times = array("q", steps), array("d", values), array("q", times)

    def add(self, step: int, value: float, time: int) -> None:
        """Add a value, unless the step has one."""
        index = (
            bisect.bisect_left(self.steps, step) if self.steps and step <= self.steps[-1] else len(self.steps)
        )
        if index == len(self.steps) or self.steps[index] != step:
            self.steps.insert(index, step)
            self.values.insert(index, value)
            self.times.insert(index, time)

    def cut(self, step: int) -> None:
        """Drop everything from `step` on."""
        keep = bisect.bisect_left(self.steps, step)
        del self.steps[keep:], self.values[keep:], self.times[keep:]

    def at(self, step: int) -> float | None:
        """The value at a step; None if there is none."""
        index = self._index(step)
        return None if index is None else self.values[index]

    def time_at(self, step: int) -> int | None:
        """The time (ms) at which a step was recorded; None if there is none."""
        index = self._index(step)
        return None if index is None else self.times[index]

    def _index(self, step: int) -> int | None:
        index = bisect.bisect_left(self.steps, step)
        return index if index < len(self.steps) and self.steps[index] == step else None


@dataclass
class History:
    """The content of one journal, with branches resolved."""

    path: Path
    job: Record = field(default_factory=dict)
    names: list[Record] = field(default_factory=list)
    sessions: list[Record] = field(default_factory=list)
    evaluations: list[Record] = field(default_factory=list)
    """Scores at the end of the training."""
    curve: list[Record] = field(default_factory=list)
    """Scores along the run."""
    branches: list[Record] = field(default_factory=list)
    notes: list[Record] = field(default_factory=list)
    outcome: Record | None = None
    damaged: list[int] = field(default_factory=list)
    """`damaged_lines`, but of records that have not been used only those with a wrong checksum."""
    unreadable: str = ""
    """Why the journal cannot be read, and what to do; the history then has no records."""
    running_elsewhere: bool = False
    """Set by MLflow, not by a journal: the run is running, perhaps on another machine."""
    _series: dict[str, Series] = field(default_factory=dict)
    _images: list[Record] = field(default_factory=list)
    _diagnoses: list[Record] = field(default_factory=list)
    _unread: dict[str, list[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(list))
    """Number and JSON of the lines that have not been read, by kind."""

    @property
    def series(self) -> dict[str, Series]:
        """The metrics by name."""
        for record in self._late("metrics"):
            self._add_metrics(record)
        return self._series

    @property
    def images(self) -> list[Record]:
        """Grids of samples."""
        self._images += self._late("image")
        return self._images

    @property
    def diagnoses(self) -> list[Record]:
        """What the samples are, at some steps."""
        self._diagnoses += self._late("diagnosis")
        return self._diagnoses

    @property
    def damaged_lines(self) -> list[int]:
        """Numbers of all lines that cannot be read. Reads all of them."""
        _ = self.series, self.images, self.diagnoses
        return self.damaged

    def _late(self, kind: str) -> list[Record]:
        """The records of a kind that have not been read yet."""
        records = []
        for number, text in self._unread.pop(kind, ()):
            record = journal.parsed(text)
            if record is None or record["kind"] != kind:
                bisect.insort(self.damaged, number)
            else:
                records.append(record)
        return records

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def last_step(self) -> int:
        """The last step with a recorded loss; 0 before the first."""
        loss = self.series.get(LOSS_D)
        return loss.steps[-1] if loss and loss.steps else 0

    @property
    def unbroken_steps(self) -> int:
        """The last step up to which every step has a recorded loss; less than `last_step` if lines are damaged."""
        steps = self.series[LOSS_D].steps if LOSS_D in self.series else []
        return next((i for i, step in enumerate(steps) if step != i + 1), len(steps))

    def scores(self, kind: ScoreKind) -> list[Record]:
        """The scores of a kind."""
        return self.evaluations if kind is ScoreKind.FINAL else self.curve

    def last_evaluation(self, protocol: str | None = None) -> Record | None:
        """The score at the highest step, under a protocol's identity or, if None, under any."""
        scores = [e for e in self.evaluations if protocol is None or e["protocol"] == protocol]
        return max(scores, key=lambda e: int(e["step"]), default=None)

    def score_at(self, kind: ScoreKind, step: int, protocol: str) -> Record | None:
        """The score of a kind at a step under a protocol's identity; None if there is none."""
        found = (one for one in self.scores(kind) if one["step"] == step and one["protocol"] == protocol)
        return next(found, None)

    def value_at(self, name: str, step: int) -> float | None:
        """A metric at a step; None if it is not recorded."""
        series = self.series.get(name)
        return series.at(step) if series else None

    def image_at(self, step: int, key: str = "samples") -> Record | None:
        return next((i for i in self.images if i["step"] == step and i["key"] == key), None)

    def diagnosis_at(self, step: int) -> Record | None:
        return next((d for d in self.diagnoses if d["step"] == step), None)

    def final_metrics(self, protocol: str | None = None) -> dict[str, float]:
        """The last value of each series, and the last score's values under `protocol` (None: any)."""
        values = {name: series.values[-1] for name, series in self.series.items() if series.values}
        evaluation = self.last_evaluation(protocol)
        return values | evaluation["values"] if evaluation else values

    def until(self, step: int) -> "History":
        """The history as of a step: without outcome, branches and notes, and without later records."""
        known = History(self.path, self.job, self.names, self.sessions)
        known._images, known._diagnoses = self.images, self.diagnoses
        known.evaluations, known.curve = self.evaluations, self.curve
        for name, series in self.series.items():
            known.series[name] = Series(series.steps, series.values, series.times)
        known._drop_from(step + 1)
        return known

    def apply(self, record: Record) -> None:
        """Add one record. Ignores unknown kinds."""
        kind = record["kind"]
        if kind in _LISTS:
            getattr(self, _LISTS[kind]).append(record)
        match kind:
            case "job":
                self.job = record
            case "session":
                self.outcome = None
            case "metrics":
                _ = self.series  # the earlier ones first
                self._add_metrics(record)
            case "branch":
                self._drop_from(record["step"])
            case "outcome":
                self.outcome = record

    def _add_metrics(self, record: Record) -> None:
        steps, time, known = record["steps"], record["time"], self._series
        count = len(steps)
        packed_steps, packed_times = pack(f"{count}q", *steps), pack("q", time) * count
        in_order = count > 0 and all(map(operator.lt, steps, steps[1:]))
        for name, values in record["values"].items():
            series = known.get(name)
            if series is None:
                series = known[name] = Series()
            if in_order and (not series.steps or steps[0] > series.steps[-1]):
                series.steps.frombytes(packed_steps)
                series.values.frombytes(pack(f"{count}d", *values))  # 4 times as fast as from a list
                series.times.frombytes(packed_times)
            else:
                for step, value in zip(steps, values, strict=True):
                    series.add(step, value, time)

    def _drop_from(self, step: int) -> None:
        """Drop what was recorded for `step` and later ones."""
        for series in self.series.values():
            series.cut(step)
        self._images, self._diagnoses, self.evaluations, self.curve = (
            [record for record in records if record["step"] < step]
            for records in (self.images, self.diagnoses, self.evaluations, self.curve)
        )


def load(path: Path) -> History:
    """Read a journal. A missing file reads as an empty history; damage is reported in `damaged_lines`.

    Raises:
        UserError: the file cannot be read.
    """
    history = History(path)
    lines, _ = journal.whole_lines(path)
    for number, line in enumerate(lines, 1):
        text = journal.checked(line)
        if text is not None and text.startswith(_LATE_START):
            history._unread[_LATE[text[: text.index(b",") + 1]]].append((number, text))
        elif text is None or (record := journal.parsed(text)) is None:
            history.damaged.append(number)
        else:
            history.apply(record)
    return history


def job_history(folder: Path) -> History:
    """Read the journal of the job in a folder, one of many: one that is `unreadable` does not stop the others."""
    path = folder / "journal.jsonl"
    try:
        history = load(path)
    except UserError as error:
        return History(path, unreadable=str(error))
    if history.damaged and not history.job:
        why = f"line {history.damaged[0]} is damaged, which said what job it is"
        what_to_do = "restore the file, or `ablate run` trains the job again"
        return History(path, damaged=history.damaged_lines, unreadable=f"{path}: {why}: {what_to_do}")
    return history


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """Changes when a job's journal does; None if there is none. To be taken before the journal is read."""
    try:
        found = (folder / "journal.jsonl").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def exit_of(history: History, *, running: bool | None) -> str:
    """The job's exit. A job without an outcome whose process died was interrupted.

    `running`: whether a process holds the job's lock now; None if that is unknown.
    """
    if running:
        return Exit.RUNNING
    if history.unreadable:
        return Exit.UNREADABLE
    if history.outcome is not None:
        return str(history.outcome["exit"])
    if not history.sessions:
        return Exit.NEW
    return Exit.UNKNOWN if running is None else Exit.INTERRUPTED
