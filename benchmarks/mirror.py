"""What tracking costs a step: the journal, and a mirror that is up."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from ablations import tracking
from ablations.store import Store
from ablations.store.journal import Journal
from ablations.tracking import server
from benchmarks.journals import begin
from benchmarks.ratio import Ratio, of_pairs
from benchmarks.steps import our_stepper, seconds, setting
from fakeface.gan import training

START_SECONDS = 120


def bench_mirror(size: int, repeats: int, rounds: int, device: torch.device) -> Ratio:
    """Steps that are journaled while a mirror ships them, and steps alone, by turns: the medians of each round.

    They differ by what the machine does meanwhile, too. The share of the cores that the mirror's process takes is
    steadier, and bounds what it can cost; it is printed.
    """
    step = our_stepper(setting(size), device)
    for _ in range(3):
        step()
    pairs = []
    used = spent = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            times, cpu = _mirrored_steps(step, Store(Path(folder)), repeats, device)
        alone = [seconds(step, device) for _ in range(repeats)]
        used, spent = used + cpu, spent + sum(times)
        pairs.append((statistics.median(times), statistics.median(alone)))
    cores = psutil.cpu_count() or 1
    print(
        f"mirror at {size}x{size}: its process took {used / spent / cores:.2%} of {cores} cores", flush=True
    )
    return of_pairs(f"step with tracking at {size}x{size}", "a step without", pairs)


def _mirrored_steps(
    step: Callable[[], training.Block], store: Store, repeats: int, device: torch.device
) -> tuple[list[float], float]:
    """Seconds of each step, and seconds of processor time that the mirror took meanwhile."""
    store.prepare()
    server.prepare(store, store.tracking_uri)
    with tracking.MirrorProcess(store, store.tracking_uri) as mirror:
        (process,) = psutil.Process().children()
        _journal(store).close()
        _wait_for_run(store)
        before = process.cpu_times()
        times = _journaled_steps(step, store, repeats, device)
        after = process.cpu_times()
        mirror.close(60)
    return times, after.user + after.system - before.user - before.system


def _journaled_steps(
    step: Callable[[], training.Block], store: Store, repeats: int, device: torch.device
) -> list[float]:
    store.prepare()
    with _journal(store) as journal:

        def journaled() -> None:
            block = step()
            journal.append(
                "metrics", steps=list(block.steps), values={n: v.tolist() for n, v in block.metrics.items()}
            )

        return [seconds(journaled, device) for _ in range(repeats)]


def _journal(store: Store) -> Journal:
    """The journal of a job that has begun."""
    path = store.jobs / "bench-s0-000000000000" / "journal.jsonl"
    begun = path.exists()
    journal = Journal(path)
    if not begun:
        begin(journal, seed=0, total_steps=1)
    return journal


def _wait_for_run(store: Store) -> None:
    """Until the mirror has made the job's run: it has loaded mlflow by then, and what follows is its daily work."""
    end = time.monotonic() + START_SECONDS
    while not tracking.run_ids(store, store.tracking_uri):
        if time.monotonic() > end:
            raise SystemExit(f"mirror: no run after {START_SECONDS} s; see {store.mirror / 'mirror.log'}")
        time.sleep(0.2)
