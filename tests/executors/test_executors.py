"""What every executor promises, and what local workers survive."""

import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from ablations.cli.printing import SafeConsole
from ablations.cli.time_left import TimeLeft
from ablations.cli.view import LiveView
from ablations.executors import EXECUTORS, Ended, Executor, WorkerConfig, loop
from ablations.executors.loop import MAX_RESUMES, Dispatcher, run_plan, stop_on_signals
from ablations.jobs import machine, training
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.progress import Progress
from ablations.jobs.scoring import Scorers
from ablations.jobs.status import JobState, state_of
from ablations.spec import load_spec
from ablations.store import Store, job_lock, journal
from ablations.store.history import History
from ablations.store.journal import Journal
from ablations.store.locks import why_silent
from fakeface import data
from fakeface.environment import usable_cores
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from tests.lab import SPEC, Lab, histories_of, journaled_steps

pytestmark = pytest.mark.timeout(1800)
slow = pytest.mark.slow

LIGHT = ["evaluation.curve_samples=0", "evaluation.num_samples=8"]
GIT = {"commit": None, "dirty": None, "diff": ""}
STEPS = 150
"""Long enough that a job is still at work when somebody who saw its first diagnosis says so."""


class Bench:
    """A store with prepared data, and jobs for it: each seed is another job."""

    def __init__(self, folder: Path, first: Store | None = None) -> None:
        self.folder, self.store = folder, Store(folder / "store")
        (folder / "runs.yaml").write_text(SPEC)
        self.store.prepare()
        if first is None:
            data.prepare(self.job(0).config.data, self.store.data)
            Scorers(self.images, self.store.reference, torch.device("cpu"))(self.job(0)).prepare(None)
        else:
            self.store.data.symlink_to(first.data)
            self.store.reference.symlink_to(first.reference)

    def sibling(self, name: str) -> "Bench":
        """Another store that shares data and references."""
        (self.folder / name).mkdir()
        return Bench(self.folder / name, self.store)

    def images(self, job: Job) -> data.ImageSet:
        found = data.find(job.config.data, self.store.data)
        assert found is not None
        return found

    def job(self, seed: int, *, steps: int = STEPS) -> Job:
        overrides = [*LIGHT, f"train.steps={steps}", "checkpoint.every_steps=20"]
        spec = load_spec(self.folder / "runs.yaml", seeds=str(seed), overrides=overrides)
        (job,) = make_plan(
            spec, spec.select((), ["baseline"]), lambda config: data.find(config, self.store.data)
        )
        return job

    def executor(
        self, name: str, device: str = "cpu", threads: int = 1, address: str | None = None
    ) -> Executor:
        return EXECUTORS[name](WorkerConfig(self.store.root, device, threads, GIT, address=address))

    def state(self, job: Job) -> JobState:
        return state_of(job, self.store)

    def history(self, job: Job) -> History:
        history = self.state(job).history
        assert history is not None
        return history

    def assert_as_if_alone(self, job: Job) -> None:
        """It finished with the weights that the bare training loop comes to, and each step stands once."""
        torch.set_num_threads(1)
        cpu = torch.device("cpu")
        state = training.begin(job, cpu)
        for _ in training.take_steps(job, self.images(job), state, cpu):
            pass
        expected = checkpoints.weights_sha256(state.generator, state.discriminator)
        history = self.history(job)
        assert history.outcome is not None
        assert (history.outcome["exit"], history.outcome["weights_sha256"]) == ("finished", expected)
        records = journal.read(history.path).records
        steps = [s for r in records if r["kind"] == "metrics" and "Loss_D" in r["values"] for s in r["steps"]]
        assert steps == list(range(1, state.step + 1))
        assert history.branches == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.service if name == "ray" else ()) for name in EXECUTORS],
)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def address(name: str, request: pytest.FixtureRequest) -> str | None:
    """Of a cluster, for executors that need one."""
    takes = "address" in EXECUTORS[name].takes
    return request.getfixturevalue("ray_cluster").address if takes else None


@pytest.fixture(scope="module")
def bench(name: str, prepared: Bench) -> Bench:
    return prepared.sibling(name)


@pytest.fixture(scope="module")
def executor(name: str, bench: Bench, address: str | None) -> Iterator[Executor]:
    """Each registered one."""
    with bench.executor(name, address=address) as made:
        yield made


def ignore(_: Progress) -> None:
    pass


def ended_of(executor: Executor, job: Job, on_progress: Callable[[Progress], None] = ignore) -> Ended:
    executor.submit(job)
    (ended,) = executor.wait(on_progress)
    return ended


def drained(executor: Executor, jobs: list[Job]) -> dict[str, Ended]:
    """How each of these jobs ends, by name, when all are submitted at once."""
    ended: dict[str, Ended] = {}
    for job in jobs:
        executor.submit(job)
    while len(ended) < len(jobs):
        ended |= {end.job.name: end for end in executor.wait(ignore)}
    return ended


# -- the contract ------------------------------------------------------------------------------------------------


@slow
def test_jobs_come_to_the_weights_of_the_bare_loop_on_the_threads_asked_for(bench: Bench, executor: Executor):
    jobs = [bench.job(seed, steps=30) for seed in (1, 2, 3)]
    ended = drained(executor, jobs)
    assert {name: end.exit for name, end in ended.items()} == {job.name: "finished" for job in jobs}
    for job in jobs:
        bench.assert_as_if_alone(job)
        (session,) = bench.history(job).sessions
        assert session["stack"]["threads"] == 1
        assert session["stack"]["flush_denormal"], "or a discriminator that has won is ten times slower"
    assert ended_of(executor, jobs[0]).exit == "finished", "a job that is done is found done"
    assert len(bench.history(jobs[0]).sessions) == 1


@slow
def test_progress_comes_in_order_with_every_diagnosis(bench: Bench, executor: Executor):
    job, seen = bench.job(10, steps=30), list[Progress]()
    assert ended_of(executor, job, seen.append).exit == "finished"
    assert {progress.job.name for progress in seen} == {job.name}
    assert [progress.step for progress in seen] == sorted(progress.step for progress in seen)
    assert [p.step for p in seen if p.phase == "training"][-1] == 30
    told = [(p.step, dict(p.metrics)) for p in seen if p.phase == "diagnosed"]
    assert told == [(d["step"], d["values"]) for d in bench.history(job).diagnoses]
    assert len(told) == 8


@slow
def test_a_cancelled_job_is_pruned_and_later_goes_on_to_the_same_weights(bench: Bench, executor: Executor):
    job = bench.job(20)

    def cancel(progress: Progress) -> None:
        if progress.phase == "diagnosed":
            executor.cancel(progress.job, "the fifth of five")

    ended = ended_of(executor, job, cancel)
    assert (ended.exit, ended.why) == ("pruned", "the fifth of five")
    outcome = bench.history(job).outcome
    assert (outcome["exit"], outcome["evidence"]["exit"]) == ("pruned", "the fifth of five")
    assert 0 < outcome["steps"] < STEPS
    assert outcome["onset"]["exit"] == outcome["steps"]
    state = bench.state(job)
    assert (state.status, state.step) == ("resumable", outcome["steps"])
    assert state.detail == f"pruned at step {outcome['steps']}; resumes there"
    told: list[int] = []
    again = ended_of(executor, job, lambda p: told.append(p.step) if p.phase == "diagnosed" else None)
    assert again.exit == "finished", "what was cancelled once is not cancelled for ever"
    assert told == [d["step"] for d in bench.history(job).diagnoses], "also those from before it was pruned"
    bench.assert_as_if_alone(job)


@slow
def test_a_crash_of_one_job_leaves_the_others(bench: Bench, executor: Executor):
    jobs = [bench.job(seed, steps=10) for seed in (30, 31, 32)]
    folder = bench.store.folder_for(jobs[0].run, jobs[0].seed, jobs[0].identity)
    folder.mkdir()
    (folder / "samples").write_text("in the way")
    ended = drained(executor, jobs)
    assert [ended[job.name].exit for job in jobs] == ["crashed", "finished", "finished"]
    assert "samples" in ended[jobs[0].name].why
    assert "traceback in" in ended[jobs[0].name].why
    assert "Traceback" in bench.history(jobs[0]).outcome["traceback"]


@slow
def test_a_job_of_another_process_is_busy_and_later_done(bench: Bench, executor: Executor):
    job = bench.job(40, steps=10)
    folder = bench.store.folder_for(job.run, job.seed, job.identity)
    folder.mkdir()
    with job_lock(folder):
        assert ended_of(executor, job).exit == "busy"
    assert not (folder / "journal.jsonl").exists()
    assert ended_of(executor, job).exit == "finished"


@slow
def test_data_that_changed_meanwhile_refuse_the_job(bench: Bench, executor: Executor):
    job = dataclasses.replace(bench.job(45, steps=10), data_digest="0" * 64)
    ended = ended_of(executor, job)
    assert ended.exit == "refused"
    assert "its data changed since the command began" in ended.why


@slow
def test_a_stop_interrupts_and_another_executor_goes_on(
    name: str, bench: Bench, executor: Executor, address: str | None
):
    job = bench.job(50)
    with bench.executor(name, address=address) as stopping:
        ended = ended_of(stopping, job, lambda p: stopping.stopping.set() if p.phase == "diagnosed" else None)
        assert ended.exit == "interrupted"
        began = ended_of(stopping, bench.job(51))
        assert began.exit == "interrupted"
        assert bench.state(bench.job(51)).status == "new"
    state = bench.state(job)
    assert state.status == "resumable"
    assert 0 < state.step < STEPS
    assert ended_of(executor, job).exit == "finished"
    bench.assert_as_if_alone(job)


@slow
def test_waiting_for_nothing_ends_and_what_was_not_submitted_cannot_be_cancelled(
    bench: Bench, executor: Executor
):
    executor.cancel(bench.job(1, steps=30), "not submitted")
    assert executor.wait(ignore) == []


def test_a_gpu_that_does_not_compute_is_named_before_a_job_begins(
    prepared: Bench, monkeypatch: pytest.MonkeyPatch
):
    ones = torch.ones

    def second_is_broken(count: int, device: torch.device) -> torch.Tensor:
        if device.index == 1:
            raise RuntimeError("CUDA error: an illegal instruction")
        return ones(count)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (80_000_000_000, 80_000_000_000))
    monkeypatch.setattr(torch, "ones", second_is_broken)
    machine._working.cache_clear()
    with pytest.raises(UserError, match=r"cuda:1: this GPU .* illegal instruction"):
        prepared.executor("local", "auto")
    assert prepared.executor("local", "cuda:0").slots(None) == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # one is gone since the last session
    assert prepared.executor("local", "auto").slots(None) == 1
    machine._working.cache_clear()


def test_an_unknown_executor_and_more_jobs_than_it_runs_are_refused(prepared: Bench):
    with pytest.raises(UserError, match="unknown executor 'lokal' — did you mean 'local'"):
        EXECUTORS["lokal"]
    with pytest.raises(UserError, match="--executor local"):
        prepared.executor("serial").slots(3)
    assert prepared.executor("serial").slots(None) == 1
    assert prepared.executor("local").slots(3) == 3
    for threads in (1, 2, 1000):
        expected = max(1, usable_cores() // threads)
        assert prepared.executor("local", threads=threads).slots(None) == expected


def test_options_of_another_executor_and_a_missing_library_are_refused_with_the_way_out(
    prepared: Bench, monkeypatch: pytest.MonkeyPatch
):
    for name in ("local", "serial"):
        with pytest.raises(UserError, match="--address: not for this executor; use --executor ray"):
            prepared.executor(name, address="127.0.0.1:6379")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'fakeface-ablations\[cluster\]'"):
        prepared.executor("ray")


# -- the plan ----------------------------------------------------------------------------------------------------


class Silent:
    """A view that only remembers; `on_ended` may do something at an end."""

    def __init__(self, on_ended: Callable[[str], None] = lambda _: None) -> None:
        self.on_ended, self.exits, self.whys = on_ended, dict[str, str](), list[str]()

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def began(self, job: Job) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        pass

    def ended(self, job: Job, exit_: str, history: History | None, why: str = "") -> None:  # noqa: ARG002
        self.exits[job.name] = exit_
        self.whys += [why] if exit_ == "crashed" else []
        self.on_ended(job.name)

    def say(self, text: str) -> None:
        pass


class Clockwork:
    """An executor without jobs: what is in flight ends after so many waits; some of it crashes, some is lost."""

    def __init__(
        self,
        waits: dict[str, int],
        crashes: Collection[str] = (),
        losses: dict[str, int] | None = None,
        busy: Collection[str] = (),
    ) -> None:
        self.waits, self.flying = waits, dict[str, tuple[Job, int]]()
        self.crashes, self.losses, self.busy = crashes, losses or {}, busy
        self.stopping = threading.Event()
        self.filled: list[int] = []
        self.submitted: list[str] = []
        self.cancelled: list[tuple[str, str]] = []

    def slots(self, requested: int | None) -> int:
        return requested or 1

    def exit_of(self, job: Job) -> str:
        if self.losses.get(job.name, 0):
            self.losses[job.name] -= 1
            return "lost"
        if job.name in self.crashes:
            return "crashed"
        if job.name in self.busy:
            return "busy"
        return "interrupted" if self.stopping.is_set() else "finished"

    def cancel(self, job: Job, why: str) -> None:
        self.cancelled.append((job.name, why))

    def submit(self, job: Job) -> None:
        self.submitted.append(job.name)
        self.flying[job.name] = (job, self.waits[job.name])

    def wait(self, *_: object, **__: object) -> list[Ended]:
        self.filled.append(len(self.flying))
        self.flying = {name: (job, left - 1) for name, (job, left) in self.flying.items()}
        ended = [job for job, left in self.flying.values() if left == 0]
        self.flying = {name: entry for name, entry in self.flying.items() if entry[1] > 0}
        return [Ended(job, self.exit_of(job), "SIGKILL") for job in ended]


def test_a_plan_keeps_all_slots_filled_while_there_are_jobs(prepared: Bench):
    jobs = [prepared.job(seed) for seed in range(7)]
    clockwork = Clockwork(dict(zip([job.name for job in jobs], (9, 1, 2, 1, 3, 1, 1), strict=True)))
    summary = run_plan(jobs, Dispatcher(clockwork, 3, prepared.store, Silent()))
    assert summary.exits == {job.name: "finished" for job in jobs}
    assert clockwork.filled == [3, 3, 3, 3, 2, 1, 1, 1, 1], (
        "nobody waits for another, and least for the long one"
    )


@pytest.mark.parametrize(("fail_fast", "expected"), [(False, "cfcff"), (True, "cicii")])
def test_a_first_crash_stops_the_others_only_with_fail_fast(
    prepared: Bench, *, fail_fast: bool, expected: str
):
    jobs = [prepared.job(seed) for seed in range(5)]
    names = [job.name for job in jobs]
    clockwork = Clockwork(dict(zip(names, (1, 2, 2, 1, 1), strict=True)), crashes=(names[0], names[2]))
    summary = run_plan(jobs, Dispatcher(clockwork, 3, prepared.store, Silent(), fail_fast=fail_fast))
    assert "".join(summary.exits[name][0] for name in names) == expected
    assert summary.exit_status == 1
    assert summary.stopped_by == (names[0] if fail_fast else "")


def test_a_crash_after_ctrl_c_is_not_what_stopped_the_others(prepared: Bench):
    job = prepared.job(0)
    clockwork = Clockwork({job.name: 1}, crashes=(job.name,))
    dispatcher = Dispatcher(clockwork, 1, prepared.store, Silent(), fail_fast=True)
    dispatcher.submit(job)
    clockwork.stopping.set()
    dispatcher.wait(ignore)
    assert dispatcher.summary.stopped_by == ""


def test_a_job_of_a_process_that_writes_nothing_is_not_waited_for_without_end(
    prepared: Bench, monkeypatch: pytest.MonkeyPatch
):
    bench = prepared.sibling("stuck")
    jobs = [bench.job(seed) for seed in range(2)]
    path = bench.store.folder_for(jobs[0].run, 0, jobs[0].identity) / "journal.jsonl"
    with Journal(path) as journal_file:
        journal_file.append("session", from_step=0, stack={}, git={})
    hours_ago = time.time() - 3 * 3600
    os.utime(path, (hours_ago, hours_ago))
    monkeypatch.setattr(loop, "SILENT_SECONDS", 0.0)  # that this process waits; the journal's limit stays
    clockwork = Clockwork({job.name: 1 for job in jobs}, busy=(jobs[0].name,))
    summary = run_plan(jobs, Dispatcher(clockwork, 1, bench.store, Silent()))
    assert summary.exits == {jobs[0].name: "refused", jobs[1].name: "finished"}
    os.utime(path)
    assert why_silent(path.parent) == ""


def test_a_repeated_warning_of_a_scheduler_does_not_end_the_process():
    before, said = signal.getsignal(signal.SIGUSR1), []
    stop = threading.Event()
    with stop_on_signals(stop, lambda: said.append("stopping")):
        for _ in range(3):
            signal.raise_signal(signal.SIGUSR1)
        assert stop.is_set()
    assert said == ["stopping"]
    assert signal.getsignal(signal.SIGUSR1) == before


def test_idle_share_is_the_share_of_the_slots_time_without_a_job(
    prepared: Bench, monkeypatch: pytest.MonkeyPatch
):
    now, jobs = 100.0, [prepared.job(seed) for seed in (0, 1)]
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clockwork = Clockwork({jobs[0].name: 1, jobs[1].name: 2})
    dispatcher = Dispatcher(clockwork, 2, prepared.store, Silent())
    assert dispatcher.summary.idle_share == 0
    dispatcher.submit(jobs[0])
    now = 104.0
    dispatcher.submit(jobs[1])
    now = 110.0
    dispatcher.wait(ignore)
    assert dispatcher.summary.idle_share == pytest.approx(4 / 20), "slot 1 had no job for 4 of 2 x 10 s"
    now = 112.0
    dispatcher.wait(ignore)
    assert dispatcher.summary.idle_share == pytest.approx(6 / 24)


@pytest.mark.parametrize(("losses", "exit_"), [(MAX_RESUMES, "finished"), (MAX_RESUMES + 1, "crashed")])
def test_a_job_whose_worker_dies_is_resumed_so_often_and_the_others_are_not_disturbed(
    prepared: Bench, losses: int, exit_: str
):
    jobs = [prepared.job(seed) for seed in (70, 71, 72)]
    clockwork = Clockwork(dict.fromkeys([job.name for job in jobs], 1), losses={jobs[1].name: losses})
    view = Silent()
    summary = run_plan(jobs, Dispatcher(clockwork, 2, prepared.store, view))
    names = [job.name for job in jobs]
    assert summary.exits == view.exits == dict(zip(names, ("finished", exit_, "finished"), strict=True))
    assert clockwork.submitted.count(names[1]) == MAX_RESUMES + 1
    why = f"given up after {losses} attempts, the last of which ended with SIGKILL"
    assert view.whys == ([why] if exit_ == "crashed" else [])


def test_a_lost_job_is_not_resumed_once_the_command_stops_and_stays_cancelled_when_it_is(prepared: Bench):
    jobs = [prepared.job(seed) for seed in (73, 74)]
    clockwork = Clockwork({jobs[0].name: 1, jobs[1].name: 2}, losses={job.name: 1 for job in jobs})
    dispatcher = Dispatcher(clockwork, 2, prepared.store, Silent())
    for job in jobs:
        dispatcher.submit(job)
    dispatcher.cancel(jobs[0], "stalled")
    assert dispatcher.wait(ignore) == []
    assert clockwork.cancelled == [(jobs[0].name, "stalled")] * 2
    clockwork.stopping.set()
    ends = [ended for _ in range(2) for ended, _ in dispatcher.wait(ignore)]
    assert {ended.exit for ended in ends} == {"interrupted"}
    assert len(clockwork.submitted) == 3


@slow
def test_a_plan_comes_back_to_a_busy_job(bench: Bench, executor: Executor):
    jobs = [bench.job(seed, steps=10) for seed in (60, 61)]
    folder = bench.store.folder_for(jobs[0].run, jobs[0].seed, jobs[0].identity)
    folder.mkdir()
    held = job_lock(folder)
    held.acquire()
    view = Silent(lambda _: held.release())
    summary = run_plan(jobs, Dispatcher(executor, 1, bench.store, view))
    assert list(view.exits) == [jobs[1].name, jobs[0].name]
    assert summary.exits == view.exits == {job.name: "finished" for job in jobs}
    assert summary.exit_status == 0


def test_views_show_no_diagnosis(prepared: Bench):
    view = LiveView(SafeConsole(), TimeLeft(1))
    view.progress(Progress(prepared.job(0), 0, 10, "diagnosed", {"spectrum": 1.0}))
    assert view.tasks == {}


# -- what local workers survive ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kills(prepared: Bench) -> Bench:
    return prepared.sibling("kills")


def workers() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.name == "ablations-worker"}


@pytest.fixture
def kill_worker() -> Callable[[], None]:
    """Kills the one worker that was not there before."""
    others = workers()

    def kill() -> None:
        (pid,) = workers() - others
        os.kill(pid, signal.SIGKILL)

    return kill


def dispatched(executor: Executor, bench: Bench, job: Job, on_progress: Callable[[Progress], None]) -> Ended:
    """How a job ends that a dispatcher resumes."""
    dispatcher, ends = Dispatcher(executor, 1, bench.store, Silent()), []
    dispatcher.submit(job)
    while not ends:
        ends = dispatcher.wait(on_progress)
    return ends[0][0]


@slow
def test_a_killed_worker_takes_no_job_with_it(kills: Bench, kill_worker: Callable[[], None]):
    job, told, killed = kills.job(1), list[int](), []

    def on_progress(progress: Progress) -> None:
        if progress.phase == "diagnosed":
            told.append(progress.step)
            if len(told) == 3 and not killed:
                killed.append(True)
                kill_worker()

    with kills.executor("local") as executor:
        assert dispatched(executor, kills, job, on_progress).exit == "finished"
    history = kills.history(job)
    assert killed
    assert len(history.sessions) == 2
    assert told == [d["step"] for d in history.diagnoses], "each once, in order"
    kills.assert_as_if_alone(job)


@slow
def test_a_job_whose_worker_dies_again_and_again_has_crashed(kills: Bench, kill_worker: Callable[[], None]):
    job, deaths = kills.job(2), []

    def on_progress(progress: Progress) -> None:
        deaths.append(progress.step)
        kill_worker()

    with kills.executor("local") as executor:
        ended = dispatched(executor, kills, job, on_progress)
        assert ended.exit == "crashed"
        assert ended.why.startswith("given up after 3 attempts, the last of which ended with SIGKILL")
        outcome = kills.history(job).outcome
        assert (outcome["exit"], outcome["evidence"]["exit"]) == ("crashed", ended.why)
        assert ended_of(executor, job).exit == "finished", "it is tried again when somebody asks"
    kills.assert_as_if_alone(job)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def in_mid_training(store: Path) -> bool:
    begun = [history for history in histories_of(store) if history.last_step > 20]
    return len(begun) == 2 and all(history.outcome is None for history in begun)


def wait_for(condition: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_end_of_the_parent_leaves_no_orphan_and_the_same_command_goes_on(
    lab: Lab, number: signal.Signals
):
    store = lab.store(number.name)
    command = ["--executor", "local", "--jobs", "2", "--run", "baseline", "--seeds", "1,2"]
    command += ["--set", "train.steps=400", "--set", "evaluation.curve_samples=0"]
    process = lab.start(store, *command)
    wait_for(lambda: in_mid_training(store))
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    if number == signal.SIGKILL:
        os.kill(process.pid, number)
    else:
        os.killpg(process.pid, number)  # as a terminal does: to the workers too
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    process.join(30)
    assert process.exitcode == (-signal.SIGKILL if number == signal.SIGKILL else 130), lab.log()
    for history in histories_of(store):
        assert history.outcome["exit"] == "interrupted", "the workers stopped their jobs themselves"
        assert history.outcome["steps"] < 400
    lab.finish(store, *command)
    for history in histories_of(store):
        assert history.outcome["exit"] == "finished"
        assert history.branches == []
        records = journal.read(history.path).records
        assert journaled_steps(history) == list(range(1, 401))
        assert [r["kind"] for r in records].count("session") == 2
