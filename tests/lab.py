"""Trainings in child processes that a test can kill: `ablate run` on a tiny specification, without the mirror."""

from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from ablations.store import history as histories
from ablations.store import journal
from ablations.store.history import History
from tests import processes
from tests.conftest import TINY_SPEC

CLOCK_METRICS = ("images_per_second", "system/")
"""Prefixes of the metrics that differ between two exact runs: speed and load."""

SPEC = TINY_SPEC.replace("steps: 24", "steps: 60")


class Lab:
    """A folder of stores, and child processes that train in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "runs.yaml").write_text(SPEC)

    def start(self, store: Path, *arguments: str, sabotage: Callable[[], None] | None = None) -> BaseProcess:
        """Start `ablate run`. `sabotage` is called in the child first."""
        options = ("--store", str(store), "--no-mirror", "--threads", "1")
        log = str(self.folder / "log")
        return processes.start(self.folder, "run", *options, *arguments, log=log, first=sabotage)

    def finish(self, store: Path, *arguments: str) -> None:
        """Run to the end, with exit status 0."""
        process = self.start(store, *arguments)
        process.join(240)
        assert process.exitcode == 0, self.log()

    def log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]

    def store(self, name: str) -> Path:
        """A new store that shares the data and references of the first one."""
        first, store = self.folder / "first", self.folder / name
        if not first.exists():
            self.finish(first, "--run", "baseline")
        store.mkdir()
        for cache in ("data", "reference"):
            (store / cache).symlink_to(first / cache)
        return store


def histories_of(store: Path) -> list[History]:
    return [histories.load(path) for path in sorted(store.glob("jobs/*/journal.jsonl"))]


def series(history: History) -> dict[str, tuple[list[int], list[float]]]:
    """Every metric but clocks, speed and system load."""
    kept = {n: s for n, s in history.series.items() if not n.startswith(CLOCK_METRICS)}
    return {name: (list(s.steps), list(s.values)) for name, s in kept.items()}


def journaled_steps(history: History) -> list[int]:
    """The steps of the losses in the order in which they were written, repeated ones included."""
    records = journal.read(history.path).records
    return [s for r in records if r["kind"] == "metrics" and "Loss_D" in r["values"] for s in r["steps"]]


def assert_same(resumed: History, whole: History) -> None:
    """Same outcome, weights, metrics, pictures and scores, each once."""
    assert resumed.outcome is not None
    assert whole.outcome is not None
    for key in ("exit", "samples", "dynamics", "onset", "evidence", "steps", "weights_sha256"):
        assert resumed.outcome[key] == whole.outcome[key]
    assert series(resumed) == series(whole)
    assert resumed.branches == []
    for kind, keys in (
        ("images", ("step", "file", "sha256")),
        ("evaluations", ("step", "protocol", "values")),
        ("curve", ("step", "protocol", "values")),
        ("diagnoses", ("step", "label", "values")),
    ):
        records = [[tuple(str(r[k]) for k in keys) for r in getattr(h, kind)] for h in (resumed, whole)]
        assert records[0] == records[1], f"{kind} differ, or stand twice"
