"""`make bench`: a step against the textbook loop, what journal and mirror add to it, how full workers are kept, and
whether the intervals of distances and of comparisons are as wide as they should be.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ablations import tracking
from ablations.journal import Journal
from ablations.machine import select_device, stack
from ablations.store import Store
from benchmarks.coverage import TABLES
from benchmarks.executors import bench_executors
from benchmarks.intervals import KINDS, bench_intervals
from benchmarks.steps import SIZES, bench_step, our_stepper, seconds, setting
from fakeface import training

MIRROR_SECONDS = 120
PARTS = ("step", "journal", "mirror", "executors", "coverage", "intervals")


def bench_coverage(simulations: int) -> None:
    """The tables of docs/statistics.md, from fewer simulations."""
    for table in TABLES.values():
        for line in table(simulations):
            print(line, flush=True)


def bench_journal(records: int) -> None:
    """The cost of a block's record of nine metrics."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.jsonl") as journal:
        values = {name: [0.123456789] for name in training.STEP_METRICS}
        started = time.perf_counter()
        for step in range(records):
            journal.append("metrics", steps=[step], values=values)
        print(f"journal: {(time.perf_counter() - started) / records * 1e6:.0f} us a record of nine metrics")


def bench_mirror(size: int, repeats: int, rounds: int, device: torch.device) -> None:
    """Median step while a mirror that is up ships every step's metrics, against the same without one, by turns."""
    step = our_stepper(setting(size), device)
    for _ in range(3):
        step()
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        for mirrored in (True, False) if number % 2 == 0 else (False, True):
            with tempfile.TemporaryDirectory() as folder:
                times[mirrored] += _journaled_steps(step, Path(folder), repeats, device, mirrored=mirrored)
    on, off = statistics.median(times[True]), statistics.median(times[False])
    print(
        f"mirror {size}x{size}: median step {on * 1e3:.1f} ms on, {off * 1e3:.1f} ms off: {on / off - 1:+.1%}"
    )


def _journaled_steps(
    step: Callable[[], training.Block], folder: Path, repeats: int, device: torch.device, *, mirrored: bool
) -> list[float]:
    store = Store(folder)
    store.prepare()
    if mirrored:
        tracking.prepare(store, store.tracking_uri)
    mirror = tracking.MirrorProcess(store, store.tracking_uri) if mirrored else None
    times = []
    with Journal(store.jobs / "bench-s0-000000000000" / "journal.jsonl") as journal:
        journal.append("job", instance="bench", identity="0" * 64, seed=0, settings={}, config={}, code={},
                       data={"name": "noise", "source": "", "digest": "0" * 64, "count": 1, "image_size": 32,
                             "channels": 3}, total_steps=1)  # fmt: skip
        journal.append("named", run="bench", group="bench", profile="", experiment="bench", config={})
        journal.append("session", from_step=0)

        if mirror is not None:
            _wait_for_run(store)

        def journaled() -> None:
            block = step()
            journal.append(
                "metrics", steps=list(block.steps), values={n: v.tolist() for n, v in block.metrics.items()}
            )

        for _ in range(repeats):
            times.append(seconds(journaled, device))
    if mirror is not None:
        mirror.close(60)
    return times


def _wait_for_run(store: Store) -> None:
    """Until the mirror has made the job's run: it has loaded mlflow by then, and what follows is its daily work."""
    end = time.monotonic() + MIRROR_SECONDS
    while not tracking.run_ids(store, store.tracking_uri):
        if time.monotonic() > end:
            raise SystemExit(f"mirror: no run after {MIRROR_SECONDS} s; see {store.mirror / 'mirror.log'}")
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=40, help="steps a measurement")
    parser.add_argument("--rounds", type=int, default=4, help="turns of the mirror's measurement")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    unknown = ", ".join(set(options.what) - set(PARTS))
    if unknown:
        parser.error(f"{unknown}: no part of the benchmark; these are: {', '.join(PARTS)}")
    device = select_device(options.device)
    torch.set_num_threads(options.threads)
    print(stack(device))
    if "journal" in options.what:
        bench_journal(2000)
    if "executors" in options.what:
        bench_executors(16)
    for size in options.sizes:
        if "step" in options.what:
            bench_step(size, options.repeats, device)
        if "mirror" in options.what:
            bench_mirror(size, options.repeats, options.rounds, device)
    if "coverage" in options.what:
        bench_coverage(2000)
    if "intervals" in options.what:  # the last one: it ends the process where a promise is not kept
        bench_intervals(list(KINDS), 5, 500)


if __name__ == "__main__":
    main()
