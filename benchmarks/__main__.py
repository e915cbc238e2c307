"""`make bench`: a step against the textbook loop and beside other programs, what journal and mirror add to it, how full
workers are kept, and whether the intervals of distances and of comparisons are as wide as they should be.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from ablations.jobs.machine import select_device, stack
from ablations.store.journal import Journal
from benchmarks.busy import bench_busy
from benchmarks.coverage import TABLES
from benchmarks.executors import bench_executors, bench_overhead, bench_scheduling
from benchmarks.intervals import KINDS, bench_intervals
from benchmarks.mirror import bench_mirror
from benchmarks.steps import SIZES, bench_step
from fakeface.environment import usable_cores
from fakeface.gan import training

PARTS = ("step", "busy", "journal", "mirror", "executors", "coverage", "intervals")


def bench_coverage(simulations: int) -> None:
    """The tables of docs/statistics.md, from fewer simulations."""
    for table in TABLES.values():
        for line in table(simulations):
            print(line, flush=True)


def bench_journal(records: int) -> None:
    """The cost of a block's record of nine metrics."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.jsonl") as journal:
        values = {name: [0.123456789] for name in training.STEP_SERIES}
        started = time.perf_counter()
        for step in range(records):
            journal.append("metrics", steps=[step], values=values)
        print(f"journal: {(time.perf_counter() - started) / records * 1e6:.0f} us a record of nine metrics")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=40, help="steps a measurement")
    parser.add_argument("--rounds", type=int, default=4, help="turns of the mirror's measurement")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=usable_cores())
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
        bench_overhead(200)
        bench_scheduling(10_000)
    for size in options.sizes:
        if "step" in options.what:
            bench_step(size, options.repeats, device)
        if "busy" in options.what:
            bench_busy(size, steps=10, rounds=5)
        if "mirror" in options.what:
            bench_mirror(size, options.repeats, options.rounds, device)
    if "coverage" in options.what:
        bench_coverage(2000)
    if "intervals" in options.what:  # the last one: it ends the process where a promise is not kept
        bench_intervals(list(KINDS), 5, 500)


if __name__ == "__main__":
    main()
