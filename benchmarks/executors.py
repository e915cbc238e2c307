"""How full the slots of `local` are, what a job costs beyond its training there, and what a plan of many jobs costs."""

import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ablations.cli.printing import SafeConsole
from ablations.cli.time_left import TimeLeft
from ablations.cli.view import View
from ablations.executors import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors.loop import Dispatcher, Summary, run_plan
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.progress import Progress
from ablations.jobs.scoring import Scorers
from ablations.spec import load_spec
from ablations.store import Store
from fakeface import data
from fakeface.outcomes import Exit

SPEC = """\
profiles:
  bench:
    data: {name: synthetic, count: 256, image_size: 32}
    network: {width: 8}
    train: {steps: 200, batch_size: 16}
    evaluation: {num_samples: 16, num_reference: 64, curve_samples: 0}
runs:
  baseline: {}
"""
TRIVIAL = ["train.steps=10", "network.width=4", "evaluation.num_samples=2"]
"""Settings of a job that trains for hundredths of a second and scores two samples."""
WORKERS = 4
GIT = {"commit": None, "dirty": None, "diff": ""}


def bench_executors(jobs: int) -> None:
    """Four workers with one thread each. The time to start them counts as time with a job."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        planned = _plan(Path(folder) / "runs.yaml", store, jobs)
        seconds, summary = _run(planned, store, "local", WORKERS)
        finished = list(summary.exits.values()).count("finished")
        idle = summary.idle_share
    print(
        f"executors: {finished} of {jobs} equal jobs on {WORKERS} workers in {seconds:.1f} s, {idle:.2%} idle"
    )


def bench_overhead(jobs: int) -> None:
    """What a trivial job takes in a slot of `local` with two workers, against one after another in this process."""
    taken = {}
    for name, slots in (("serial", 1), ("local", 2)):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "store")
            planned = _plan(Path(folder) / "runs.yaml", store, jobs, TRIVIAL)
            taken[name] = _run(planned, store, name, slots)[0] * slots / jobs
    print(
        f"overhead: {jobs} trivial jobs take {taken['serial']:.3f} s each in this process and {taken['local']:.3f} s "
        f"of a slot in local --jobs 2: {taken['local'] - taken['serial']:+.3f} s a job"
    )


def bench_scheduling(jobs: int) -> None:
    """A plan of many jobs, each of which ends at once: time, and growth of the process's peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        started = time.perf_counter()
        planned = _plan(Path(folder) / "runs.yaml", store, jobs, TRIVIAL)
        planning = time.perf_counter() - started
        for job in planned:
            store.folder_for(job.plain, job.seed, job.identity).mkdir()
        before, started = _peak_megabytes(), time.perf_counter()
        with AtOnce(WorkerConfig(store.root, "cpu", 1, GIT)) as executor:
            run_plan(planned, Dispatcher(executor, 2, store, View(SafeConsole(quiet=True), TimeLeft(jobs))))
        seconds = time.perf_counter() - started
    print(
        f"scheduling: {jobs} jobs planned in {planning:.1f} s and run through in {seconds:.1f} s, "
        f"peak memory {_peak_megabytes() - before:+.0f} MB"
    )


class AtOnce(Executor):
    """Ends each job when it is waited for, without running it."""

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__(config)
        self._jobs: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def cancel(self, job: Job, why: str) -> None:
        pass

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:  # noqa: ARG002
        return [Ended(self._jobs.popleft(), Exit.FINISHED)] if self._jobs else []


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _run(planned: list[Job], store: Store, name: str, slots: int) -> tuple[float, Summary]:
    """Seconds, and how the jobs ended."""
    view = View(SafeConsole(quiet=True), TimeLeft(len(planned)))
    with EXECUTORS[name](WorkerConfig(store.root, "cpu", 1, GIT)) as executor:
        started = time.perf_counter()
        summary = run_plan(planned, Dispatcher(executor, slots, store, view))
        return time.perf_counter() - started, summary


def _plan(file: Path, store: Store, count: int, overrides: Sequence[str] = ()) -> list[Job]:
    """The jobs, one a seed, with what they need prepared."""
    file.write_text(SPEC)
    spec = load_spec(file, seeds=",".join(map(str, range(count))), overrides=overrides)
    config = spec.runs[0].config
    store.prepare()
    images = data.prepare(config.data, store.data)
    jobs = make_plan(spec, spec.runs, lambda _: images)
    Scorers(lambda _: images, store.reference, torch.device("cpu"))(jobs[0]).prepare(None)
    return jobs
