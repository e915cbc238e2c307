"""`make bench`: our path and a named reference by turns, as the median ratio of their times and its spread.

step, epochs, tracking: a GAN step, epochs of a folder of JPEGs, and what journal and mirror add to a step.
arithmetic: how near a step comes to the rate of a matrix product.
frechet, features: what a score costs. commands, planning, listing, loading: what looking costs.
Only if named, executors, busy, coverage, intervals: how full workers are kept, steps beside other programs, and whether
intervals are as wide as they should be.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ablations.jobs.machine import select_device, stack
from benchmarks.arithmetic import bench_arithmetic
from benchmarks.busy import bench_busy
from benchmarks.commands import bench_commands, bench_listing, bench_planning
from benchmarks.coverage import TABLES
from benchmarks.epochs import bench_epochs
from benchmarks.executors import bench_executors, bench_overhead, bench_scheduling
from benchmarks.intervals import KINDS, bench_intervals
from benchmarks.journals import bench_loading
from benchmarks.mirror import bench_mirror
from benchmarks.ratio import Ratio
from benchmarks.scores import bench_features, bench_frechet
from benchmarks.steps import PRECISIONS, SIZES, bench_step, setting
from fakeface.environment import usable_cores

RATIOS: dict[str, Callable[[argparse.Namespace], Iterator[Ratio]]] = {
    "commands": lambda options: iter(bench_commands(options.pairs)),
    "planning": lambda options: iter([bench_planning(10_000, options.pairs)]),
    "listing": lambda options: iter(bench_listing(10_000, options.pairs)),
    "loading": lambda options: iter([bench_loading(100, 10_000, options.pairs)]),
    "frechet": lambda options: iter([bench_frechet(10_000, 2_048, options.pairs)]),
    "features": lambda options: iter([bench_features(512, 64, options.pairs)]),
    "epochs": lambda options: iter(bench_epochs(options.images, 10_000, 32, options.pairs)),
    "step": lambda options: (
        bench_step(setting(size, precision=precision), options.steps, select_device(options.device))
        for size in options.sizes
        for precision in PRECISIONS
    ),
    "arithmetic": lambda options: bench_arithmetic(64, 64, options.pairs, torch.device("cpu")),
    "tracking": lambda options: (
        bench_mirror(size, options.steps, options.pairs, select_device(options.device))
        for size in options.sizes
    ),
}
NAMED = ("executors", "busy", "coverage", "intervals")


def bench_coverage(simulations: int) -> None:
    """The tables of docs/statistics.md, from fewer simulations."""
    for table in TABLES.values():
        for line in table(simulations):
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", default=list(RATIOS), help=", ".join([*RATIOS, *NAMED]))
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, choices=SIZES)
    parser.add_argument("--pairs", type=int, default=5, help="measurements of each side; steps have more")
    parser.add_argument("--steps", type=int, default=40, help="steps a measurement")
    parser.add_argument(
        "--images", type=Path, help="a folder of JPEGs for `epochs`; by default some are drawn"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="write the ratios and the machine to this file")
    options = parser.parse_args()
    unknown = ", ".join(set(options.what) - {*RATIOS, *NAMED})
    if unknown:
        parser.error(f"{unknown}: no part of the benchmark; these are: {', '.join([*RATIOS, *NAMED])}")
    torch.set_num_threads(options.threads)
    machine = stack(select_device(options.device))
    print(machine)
    found = []
    for name in (name for name in RATIOS if name in options.what):
        for ratio in RATIOS[name](options):
            found.append(ratio)
            print(ratio, flush=True)
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine, "ratios": [one.record() for one in found]}, indent=1)
        )
    if "executors" in options.what:
        bench_executors(16)
        bench_overhead(200)
        bench_scheduling(10_000)
    if "busy" in options.what:
        for size in options.sizes:
            bench_busy(size, steps=10, rounds=5)
    if "coverage" in options.what:
        bench_coverage(2000)
    if "intervals" in options.what:  # the last one: it ends the process where a promise is not kept
        bench_intervals(list(KINDS), 5, 500)


if __name__ == "__main__":
    main()
