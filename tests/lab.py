"""Trainings in child processes that a test can kill: `ablate run` on a tiny specification, without the mirror."""

import os
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from ablations.store import history as histories
from ablations.store.history import History
from tests.processes import CONTEXT

CLOCK_METRICS = ("images_per_second", "system/")
"""Beginnings of the names of what differs between two exact runs: clocks, speed and load."""

SPEC = """\
profiles:
  quick:
    data: {name: synthetic, count: 96, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 60, batch_size: 8}
    evaluation: {num_samples: 48, num_reference: 48, num_evaluations: 3}
    samples: {num_grids: 8, grid_size: 2}
    checkpoint: {every_steps: 7}
    tracking: {log_model: false}
runs:
  baseline: {}
  weight-init: {extends: baseline, init: dcgan}
  sgd: {extends: baseline, optimizer: sgd}
  both: {extends: [weight-init, sgd]}
"""


def _work(folder: Path, store: Path, arguments: tuple[str, ...], sabotage: Callable[[], None] | None) -> None:
    """In the child."""
    os.setpgid(0, 0)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if sabotage is not None:
        sabotage()
    import sys

    from ablations.cli.app import main

    sys.argv = [
        "ablate",
        "run",
        "--spec",
        str(folder / "runs.yaml"),
        "--store",
        str(store),
        "--no-mirror",
        "--threads",
        "1",
    ]
    sys.argv += arguments
    main()


class Lab:
    """A folder of stores, and the children that work in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "runs.yaml").write_text(SPEC)

    def start(self, store: Path, *arguments: str, sabotage: Callable[[], None] | None = None) -> BaseProcess:
        """`ablate run` with further arguments; `sabotage` runs in the child first."""
        process = CONTEXT.Process(target=_work, args=(self.folder, store, arguments, sabotage))
        process.start()
        return process

    def finish(self, store: Path, *arguments: str) -> None:
        """Run to the end, which must be a good one."""
        process = self.start(store, *arguments)
        process.join(240)
        assert process.exitcode == 0, self.log()

    def log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]

    def store(self, name: str) -> Path:
        """A new store that shares the data and reference of the first one: what is tested here are jobs."""
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
    return {name: (s.steps, s.values) for name, s in kept.items()}


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
        ("diagnoses", ("step", "label", "values")),
    ):
        records = [[tuple(str(r[k]) for k in keys) for r in getattr(h, kind)] for h in (resumed, whole)]
        assert records[0] == records[1], f"{kind} differ, or stand twice"
