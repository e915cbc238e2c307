"""The scheduler shows a task its running job's diagnoses, and reads each record of a journal once."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ablations.executors import Ended
from ablations.executors.loop import Dispatcher
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.progress import Progress
from ablations.store import Store, history, journal
from ablations.store.history import History
from ablations.store.journal import Journal
from ablations.studies.scheduler import Task, TaskScheduler
from fakeface.outcomes import Exit

JOB: Any = SimpleNamespace(run="r", plain="r", seed=0, name="r-s0", identity="abcdef123456" * 5)


class OneJob(Task):
    """Trains one job, and prunes it at step 3."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.exit: str | None = None

    def next_job(self) -> Any:
        return JOB if self.exit is None else None

    def why_prune(self, history: History, step: int) -> str | None:
        self.seen.append((step, len(history.diagnoses)))
        return "enough" if step == 3 else None

    def ended(self, job: Any, history: History) -> None:  # noqa: ARG002
        assert history.outcome is not None
        self.exit = str(history.outcome["exit"])


class FakeExecutor:
    """Writes a journal with a diagnosis at each step until it is cancelled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.why, self.stopping = folder, "", threading.Event()

    def slots(self, requested: int | None) -> int:
        return requested or 1

    def submit(self, job: Any) -> None:
        pass

    def cancel(self, job: Any, why: str) -> None:  # noqa: ARG002
        self.why = why

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:  # noqa: ARG002
        with Journal(self.folder / "journal.jsonl") as written:
            written.append("note", text="begins")
            for step in range(1, 10):
                written.append("diagnosis", step=step, label="noise", evidence="", values={})
                on_progress(Progress(JOB, step, 100, "diagnosed", {}))
                if self.why:
                    fields = outcome_fields(history.load(written.path), Exit.PRUNED, evidence="", steps=step)
                    written.append("outcome", **fields)
                    return [Ended(JOB, Exit.PRUNED)]
        raise AssertionError("not cancelled")


def test_a_task_sees_each_diagnosis_and_each_record_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = Store(tmp_path)
    folder = store.folder_for("r", 0, JOB.identity)
    folder.mkdir(parents=True)
    read = journal.read
    starts: list[int] = []
    monkeypatch.setattr(
        "ablations.studies.scheduler.journal.read",
        lambda path, start=0: starts.append(start) or read(path, start),  # type: ignore[func-returns-value]
    )
    watcher: Any = SimpleNamespace(began=lambda _: None, progress=lambda _: None, ended=lambda *_: None)
    executor: Any = FakeExecutor(folder)
    task = OneJob()
    TaskScheduler(Dispatcher(executor, 1, store, watcher)).run(iter([task]))
    assert task.seen == [(1, 1), (2, 2), (3, 3)]
    assert (executor.why, task.exit) == ("enough", "pruned")
    offsets = read(folder / "journal.jsonl").offsets  # behind the note, then behind each diagnosis
    assert [start for start in starts if start] == offsets[1:3]
