"""A job killed at any instant and started again ends like one never killed, bit for bit."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ablations import history as histories
from ablations.history import History
from ablations.jobs import CLOCK_METRICS

KILLS = int(os.environ.get("FAKEFACE_KILLS", "20"))
"""How many kills the test makes; raise it for a longer trial."""

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
"""


def _work(folder: Path, store: Path, sabotage: Callable[[], None] | None) -> None:
    """In a child process: `ablate run`, without the mirror."""
    os.setpgid(0, 0)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if sabotage is not None:
        sabotage()
    from ablations.cli import app

    app(["run", str(folder / "runs.yaml"), "--store", str(store), "--no-mirror", "--threads", "1"])


class Lab:
    """Starts trainings in child processes of a process that has torch loaded but has computed nothing with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "runs.yaml").write_text(SPEC)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["ablations.commands", "fakeface.evaluation"])

    def start(
        self, store: Path, sabotage: Callable[[], None] | None = None
    ) -> multiprocessing.process.BaseProcess:
        process = self.context.Process(target=_work, args=(self.folder, store, sabotage))
        process.start()
        return process

    def finish(self, store: Path) -> History:
        process = self.start(store)
        process.join(120)
        assert process.exitcode == 0, (self.folder / "log").read_text()[-2000:]
        (journal,) = store.glob("jobs/*/journal.jsonl")
        return histories.load(journal)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def whole(lab: Lab) -> tuple[History, float]:
    """The uninterrupted training, and how many seconds it took once the data were there."""
    lab.finish(lab.folder / "first")
    started = time.monotonic()
    (lab.folder / "whole").mkdir()
    share_caches(lab, lab.folder / "whole")
    history = lab.finish(lab.folder / "whole")
    return history, time.monotonic() - started


def share_caches(lab: Lab, store: Path) -> None:
    """Data and reference are prepared once; the kills are about jobs."""
    store.mkdir(exist_ok=True)
    for name in ("data", "reference"):
        (store / name).symlink_to(lab.folder / "first" / name)


def series(history: History) -> dict[str, tuple[list[int], list[float]]]:
    """Every metric but clocks, speed and system load."""
    kept = {n: s for n, s in history.series.items() if not n.startswith(CLOCK_METRICS)}
    return {name: (s.steps, s.values) for name, s in kept.items()}


def assert_same(resumed: History, whole: History) -> None:
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


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kills_at_random_moments_change_no_bit(lab: Lab, whole: tuple[History, float]):
    expected, seconds = whole
    generator = random.Random(20_26)
    interrupted = 0
    for kill in range(KILLS):
        store = lab.folder / f"random-{kill}"
        share_caches(lab, store)
        process = lab.start(store)
        process.join(generator.uniform(0, seconds))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            interrupted += 1
        process.join()
        assert_same(lab.finish(store), expected)
    assert interrupted >= KILLS * 0.6, "most kills must come before the end"


def _die_in(module: str, function: str, call: int, *, half: bool) -> None:
    """Arrange that the `call`-th call of a function kills the process, before it or half-way through its write."""
    import importlib

    owner = importlib.import_module(module)
    for part in function.split(".")[:-1]:
        owner = getattr(owner, part)
    name = function.rpartition(".")[2]
    original, calls = getattr(owner, name), 0

    def sabotaged(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == call:
            if half:
                _write_half(owner, args)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, sabotaged)


def _write_half(owner, args) -> None:
    """What a torn write leaves: the first half of a journal line, or of a checkpoint's temporary file."""
    if hasattr(owner, "append"):  # the journal
        os.write(args[0]._file.fileno(), b'12345678 {"kind":"metrics","steps":[')
    else:
        args[0].with_suffix(".tmp").write_bytes(b"fakeface-checkpoint sha256=")


class DieIn:
    """A picklable sabotage."""

    def __init__(self, *args, half: bool = False) -> None:
        self.args, self.half = args, half

    def __call__(self) -> None:
        _die_in(*self.args, half=self.half)


MOMENTS = {
    "at the start": DieIn("fakeface.training", "create", 1),
    "in the first journal line": DieIn("ablations.journal", "Journal.append", 1, half=True),
    "in a journal line in mid-training": DieIn("ablations.journal", "Journal.append", 21, half=True),
    "in the last journal lines": DieIn("ablations.journal", "Journal.append", 60, half=True),
    "in the first checkpoint": DieIn("fakeface.checkpoints", "save", 1, half=True),
    "in a later checkpoint": DieIn("fakeface.checkpoints", "save", 5, half=True),
    "between the renames of a checkpoint": DieIn("fakeface.checkpoints", "_sync_folder", 3),
    "while a picture is written": DieIn("ablations.jobs", "save_png", 5),
    "while samples are scored": DieIn("ablations.scoring", "Scorer.score", 2),
    "before the outcome": DieIn("ablations.jobs", "Session.close", 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_a_chosen_moment_changes_no_bit(moment: str, lab: Lab, whole: tuple[History, float]):
    store = lab.folder / moment.replace(" ", "-")
    share_caches(lab, store)
    process = lab.start(store, MOMENTS[moment])
    process.join(120)
    assert process.exitcode == -signal.SIGKILL, (lab.folder / "log").read_text()[-2000:]
    assert_same(lab.finish(store), whole[0])
