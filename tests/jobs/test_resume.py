"""A job killed at any instant and started again ends like one never killed, bit for bit."""

import importlib
import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest

from ablations.store import journal
from ablations.store.history import History
from tests.lab import Lab, assert_same, histories_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("FAKEFACE_KILLS", "8"))
"""How many kills at random moments; raise it for a longer trial."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def whole(lab: Lab) -> tuple[History, float]:
    """The uninterrupted training of `baseline`, and how many seconds it took."""
    store, started = lab.store("whole"), time.monotonic()
    lab.finish(store, "--run", "baseline")
    (history,) = histories_of(store)
    return history, time.monotonic() - started


def test_kills_at_random_moments_change_no_bit(lab: Lab, whole: tuple[History, float]):
    expected, seconds = whole
    generator = random.Random(20_26)
    interrupted = 0
    for kill in range(KILLS):
        store, began = lab.store(f"random-{kill}"), time.monotonic()
        process = lab.start(store, "--run", "baseline")
        process.join(generator.uniform(0, seconds))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            interrupted += 1
        else:  # the machine is faster than it was when the whole run was timed
            seconds = min(seconds, time.monotonic() - began)
        process.join()
        lab.finish(store, "--run", "baseline")
        (history,) = histories_of(store)
        assert_same(history, expected)
    assert interrupted >= KILLS * 0.6, "most kills must come before the end"


class DieIn:
    """Arranges that the `call`-th call of a function kills the process, before it or half-way through its write."""

    def __init__(self, module: str, function: str, call: int, *, half: bool = False) -> None:
        self.module, self.function, self.call, self.half = module, function, call, half

    def __call__(self) -> None:
        owner = importlib.import_module(self.module)
        for part in self.function.split(".")[:-1]:
            owner = getattr(owner, part)
        name = self.function.rpartition(".")[2]
        original, calls = getattr(owner, name), 0

        def sabotaged(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == self.call:
                if self.half:
                    _write_half(args[0])
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(owner, name, sabotaged)


def _write_half(target: journal.Journal | Path) -> None:
    """What a torn write leaves: the first half of a journal line, or of a checkpoint's temporary file."""
    if isinstance(target, journal.Journal):
        os.write(target._file.fileno(), b'12345678 {"kind":"metrics","steps":[')
    else:
        target.with_suffix(".tmp").write_bytes(b"fakeface-checkpoint sha256=")


MOMENTS = {
    "at the start": DieIn("fakeface.gan.checkpoints", "load", 1),
    "in the first journal line": DieIn("ablations.store.journal", "Journal.append", 1, half=True),
    "in a journal line in mid-training": DieIn("ablations.store.journal", "Journal.append", 21, half=True),
    "in a late journal line": DieIn("ablations.store.journal", "Journal.append", 60, half=True),
    "in the first checkpoint": DieIn("fakeface.gan.checkpoints", "save", 1, half=True),
    "in a later checkpoint": DieIn("fakeface.gan.checkpoints", "save", 5, half=True),
    "between the renames of a checkpoint": DieIn("fakeface.gan.checkpoints", "_sync_folder", 3),
    "while a picture is written": DieIn("ablations.jobs.session", "save_png", 5),
    "while samples are scored": DieIn("ablations.jobs.scoring", "Scorer.score", 2),
    "before the outcome": DieIn("ablations.jobs.session", "Session.close", 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_a_chosen_moment_changes_no_bit(moment: str, lab: Lab, whole: tuple[History, float]):
    store = lab.store(moment.replace(" ", "-"))
    process = lab.start(store, "--run", "baseline", sabotage=MOMENTS[moment])
    process.join(240)
    assert process.exitcode == -signal.SIGKILL, lab.log()
    lab.finish(store, "--run", "baseline")
    (history,) = histories_of(store)
    assert_same(history, whole[0])


def test_ten_commands_on_one_store_some_killed_do_every_job_once(lab: Lab):
    store = lab.store("ten")
    generator = random.Random(7)
    processes = [lab.start(store, "--seeds", "0,1") for _ in range(10)]
    for process in processes[:4]:
        process.join(generator.uniform(2, 8))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes[4:]] == [0] * 6, lab.log()
    done = histories_of(store)
    assert len(done) == 8
    for history in done:
        records = journal.read(history.path).records
        assert [r["kind"] for r in records].count("outcome") == 1, "every job ends once"
        assert history.outcome["exit"] == "finished"
        assert list(history.series["Loss_D"].steps) == list(range(1, 61))
        assert len(history.images) == 8
        assert history.damaged_lines == []
        # Who begins a job that is not begun: one process, and after a kill one more.
        assert len(history.sessions) <= 1 + sum(process.exitcode == -signal.SIGKILL for process in processes)
    assert_same(
        next(h for h in done if h.folder.name.startswith("baseline-s0")),
        histories_of(lab.folder / "first")[0],
    )


class OtherStack:
    """Has the process believe that it runs on another version of torch."""

    def __call__(self) -> None:
        jobs = importlib.import_module("ablations.jobs.session")
        original = jobs.stack
        jobs.stack = lambda device: {**original(device), "torch": "1.0"}


class NoisyStep:
    """Makes the machine compute something else from some step on."""

    def __call__(self) -> None:
        training = importlib.import_module("fakeface.gan.training")
        original = training.gan_step

        def noisy(config, state, *others):
            row = original(config, state, *others)
            return row + 1e-6 if state.step >= 20 else row

        training.gan_step = noisy


def interrupted_store(lab: Lab, name: str) -> Path:
    store = lab.store(name)
    process = lab.start(store, "--run", "baseline", sabotage=DieIn("fakeface.gan.checkpoints", "save", 6))
    process.join(240)
    assert process.exitcode == -signal.SIGKILL, lab.log()
    return store


def test_another_stack_is_refused_with_an_explanation_and_changes_nothing(lab: Lab):
    store = interrupted_store(lab, "stack")
    before = histories_of(store)[0].path.read_bytes()
    process = lab.start(store, "--run", "baseline", sabotage=OtherStack())
    process.join(240)
    assert process.exitcode == 2
    assert "1.0 now), so resuming it here would not give the same bits" in lab.log()
    assert histories_of(store)[0].path.read_bytes() == before


def test_an_inexact_resume_is_allowed_on_demand_and_marked(lab: Lab):
    store = interrupted_store(lab, "allowed")
    process = lab.start(store, "--run", "baseline", "--allow-inexact", sabotage=OtherStack())
    process.join(240)
    assert process.exitcode == 0, lab.log()
    (history,) = histories_of(store)
    (branch,) = history.branches
    assert "another stack" in branch["reason"]
    assert branch["step"] == history.sessions[-1]["from_step"] + 1
    assert list(history.series["Loss_D"].steps) == list(range(1, 61))


def test_a_resume_that_computes_something_else_is_noticed_at_its_step(lab: Lab):
    store = interrupted_store(lab, "noisy")
    recorded = histories_of(store)[0].last_step
    assert recorded > 20
    process = lab.start(store, "--run", "baseline", sabotage=NoisyStep())
    process.join(240)
    assert process.exitcode == 0, lab.log()
    (history,) = histories_of(store)
    (branch,) = history.branches
    assert branch["step"] == max(20, history.sessions[-1]["from_step"] + 1)
    assert "came out as" in branch["reason"]
    assert list(history.series["Loss_D"].steps) == list(range(1, 61))


class SmallDisk:
    """No file may grow beyond some bytes: what a full disk does to whoever writes on."""

    def __init__(self, limit: int, log: Path) -> None:
        self.limit, self.log = limit, log

    def __call__(self) -> None:
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT)  # its own, or what is said would not fit either
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ["GIT_DIR"] = "/nowhere"  # a long diff of uncommitted changes would not fit either
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    "limit", [30_000, 9_000], ids=["no room for a checkpoint", "no room for the journal"]
)
def test_a_full_disk_is_a_clear_error_and_what_was_there_stays(
    limit: int, lab: Lab, whole: tuple[History, float]
):
    store = lab.store(f"disk-{limit}")
    log = lab.folder / f"disk-{limit}.log"
    bare = ("--set", "evaluation.curve_samples=0")  # the weights at step 0 would be the first that do not fit
    process = lab.start(store, "--run", "baseline", *bare, sabotage=SmallDisk(limit, log))
    process.join(240)
    assert process.exitcode in (1, 2), log.read_text()
    assert "cannot write" in log.read_text()
    assert "Traceback" not in log.read_text()
    (before,) = histories_of(store)
    assert before.damaged_lines == []
    lab.finish(store, "--run", "baseline")
    (after,) = histories_of(store)
    assert after.series["Loss_D"].values[: before.last_step] == before.series["Loss_D"].values
    assert_same(after, whole[0])
