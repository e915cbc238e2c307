"""How full the slots of the `local` executor are: the share of their time without a job, on jobs of equal length."""

import tempfile
import time
from pathlib import Path

import torch

from ablations.cli.printing import SafeConsole
from ablations.cli.view import View
from ablations.executors import EXECUTORS, WorkerConfig
from ablations.executors.loop import Dispatcher, run_plan
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.scoring import Scorers
from ablations.spec import load_spec
from ablations.store import Store
from fakeface import data

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
WORKERS = 4


def bench_executors(jobs: int) -> None:
    """Four workers with one thread each. The time to start them counts as time with a job."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        planned = _plan(Path(folder) / "runs.yaml", store, jobs)
        config = WorkerConfig(store.root, "cpu", 1, {"commit": None, "dirty": None, "diff": ""})
        view = View(SafeConsole(quiet=True), jobs)
        with EXECUTORS["local"](config) as executor:
            started = time.perf_counter()
            summary = run_plan(planned, Dispatcher(executor, WORKERS, store, view))
            seconds = time.perf_counter() - started
        finished = list(summary.exits.values()).count("finished")
        idle = summary.idle_share
    print(
        f"executors: {finished} of {jobs} equal jobs on {WORKERS} workers in {seconds:.1f} s, {idle:.2%} idle"
    )


def _plan(file: Path, store: Store, count: int) -> list[Job]:
    """The jobs, one a seed, with what they need prepared."""
    file.write_text(SPEC)
    spec = load_spec(file, seeds=",".join(map(str, range(count))))
    config = spec.runs[0].config
    store.prepare()
    images = data.prepare(config.data, store.data)
    jobs = make_plan(spec, spec.runs, lambda _: images)
    Scorers(lambda _: images, store.reference, torch.device("cpu"))(jobs[0]).prepare(None)
    return jobs
