"""How long a step takes beside other programs, by how long OpenMP's idle threads spin (`fakeface.environment`).

A process for each spin count has one thread a core and takes steps when it is its turn. The reference is OpenMP's own
default without a neighbour. A step's fair time is that, times the threads that want a core for each core.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from benchmarks.steps import our_stepper, seconds, setting
from fakeface.environment import SPINNING, usable_cores

DEFAULT = "default"
SPIN_COUNTS = (DEFAULT, "1000", "10000", "30000", "100000")
NEIGHBOURS = (0, 1, 4)
"""Busy processes."""


def bench_busy(size: int, steps: int, rounds: int, counts: Sequence[str] = SPIN_COUNTS) -> None:
    """Print the median step for each number of neighbours and each spin count, as a ratio to the fair time."""
    cores = usable_cores()
    children = {count: _child(size, count, cores) for count in counts}
    times: dict[tuple[int, str], list[float]] = {}
    try:
        for _ in range(rounds):
            for neighbours in NEIGHBOURS:
                with _busy(neighbours):
                    for count, child in children.items():
                        times.setdefault((neighbours, count), []).append(_steps(child, steps))
    finally:
        for child in children.values():
            child.kill()
            child.wait()
    idle = statistics.median(times[0, counts[0]])
    shape = f"{size}x{size}, {cores} threads on {cores} cores"
    print(f"busy {shape}: a step takes {idle * 1e3:.0f} ms without neighbours, spin count {counts[0]}")
    for neighbours in NEIGHBOURS:
        fair = idle * max(1, (cores + neighbours) / cores)
        ratios = {count: sorted(time / fair for time in times[neighbours, count]) for count in counts}
        words = ", ".join(
            f"{count}: {statistics.median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"
            for count, found in ratios.items()
        )
        print(f"  {neighbours} neighbours, times the fair {fair * 1e3:.0f} ms: {words}")


def _child(size: int, count: str, threads: int) -> "subprocess.Popen[str]":
    """A process that waits for orders, with this spin count."""
    environment = {name: value for name, value in os.environ.items() if name not in SPINNING}
    environment |= {"OMP_NUM_THREADS": str(threads)}
    # The product replaces no value that is set, and libgomp's own default is this one.
    environment["GOMP_SPINCOUNT"] = "300000" if count == DEFAULT else count
    command = [sys.executable, "-m", "benchmarks.busy", str(size)]
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _steps(child, 3)
    return child


def _steps(child: "subprocess.Popen[str]", steps: int) -> float:
    """The median seconds of a step of a child."""
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(f"{steps}\n")
    child.stdin.flush()
    return float(child.stdout.readline())


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Processes that compute without end."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Take as many steps as each line of standard input says, and print their median."""
    device = torch.device("cpu")
    step = our_stepper(setting(int(sys.argv[1])), device)
    for line in sys.stdin:
        print(statistics.median(seconds(step, device) for _ in range(int(line))), flush=True)


if __name__ == "__main__":
    main()
