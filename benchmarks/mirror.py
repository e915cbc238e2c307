"""What a mirror that is up costs a step: the median with and without it, and the time that its process takes."""

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
from benchmarks.steps import our_stepper, seconds, setting
from fakeface.gan import training

START_SECONDS = 120


def bench_mirror(size: int, repeats: int, rounds: int, device: torch.device) -> None:
    """Steps with a mirror that ships each one's metrics, and without one, by turns.

    The medians differ by what the machine does meanwhile, too. The share of the cores that the mirror's process takes
    is steadier, and bounds what it can cost.
    """
    step = our_stepper(setting(size), device)
    for _ in range(3):
        step()
    off: list[float] = []
    on: list[float] = []
    used = 0.0
    for number in range(rounds):
        for mirrored in (True, False) if number % 2 == 0 else (False, True):
            with tempfile.TemporaryDirectory() as folder:
                if mirrored:
                    times, cpu = _mirrored_steps(step, Store(Path(folder)), repeats, device)
                    on += times
                    used += cpu
                else:
                    off += _journaled_steps(step, Store(Path(folder)), repeats, device)
    with_it, without = statistics.median(on), statistics.median(off)
    cores = psutil.cpu_count() or 1
    print(
        f"mirror {size}x{size}: median step {with_it * 1e3:.1f} ms on, {without * 1e3:.1f} ms off: "
        f"{with_it / without - 1:+.1%}; its process took {used / sum(on) / cores:.2%} of {cores} cores"
    )


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
        journal.append("job", instance="bench", identity="0" * 64, seed=0, settings={}, config={}, code={},
                       data={"name": "noise", "source": "", "digest": "0" * 64, "count": 1, "image_size": 32,
                             "channels": 3}, total_steps=1)  # fmt: skip
        journal.append("named", run="bench", group="bench", profile="", experiment="bench", config={})
        journal.append("session", from_step=0)
    return journal


def _wait_for_run(store: Store) -> None:
    """Until the mirror has made the job's run: it has loaded mlflow by then, and what follows is its daily work."""
    end = time.monotonic() + START_SECONDS
    while not tracking.run_ids(store, store.tracking_uri):
        if time.monotonic() > end:
            raise SystemExit(f"mirror: no run after {START_SECONDS} s; see {store.mirror / 'mirror.log'}")
        time.sleep(0.2)
