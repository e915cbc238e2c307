"""`make bench`: what a step costs against the textbook loop, and what the journal and the mirror add to it."""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ablations import tracking
from ablations.journal import Journal
from ablations.machine import select_device, stack
from ablations.store import Store
from benchmarks.reference import TextbookLoop
from fakeface import training
from fakeface.config import TrainingConfig
from fakeface.training import RealImages

SIZES = {32: (32, 64), 64: (64, 64)}
"""Image size -> width, batch size."""


def setting(size: int) -> TrainingConfig:
    width, batch = SIZES[size]
    return TrainingConfig(data={"image_size": size}, network={"width": width}, train={"batch_size": batch})


def real_images(config: TrainingConfig, device: torch.device) -> RealImages:
    size = config.data.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (2048, size, size, 3), dtype=np.uint8)
    return RealImages(
        pixels, None, scaling="symmetric", batch_size=config.train.batch_size, seed=0, device=device
    )


def our_stepper(config: TrainingConfig, device: torch.device) -> Callable[[], training.Block]:
    """A function that takes one step, as `train` does, with its metrics."""
    state = training.create(config, 0, device)
    blocks = training.train(config, state, real_images(config, device), 10**9, block_steps=1)
    return lambda: next(blocks)


def seconds(step: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def bench_step(size: int, repeats: int, device: torch.device) -> None:
    """Steps taken by turns, so that whatever else the machine does falls on both."""
    config = setting(size)
    ours, textbook = (
        our_stepper(config, device),
        TextbookLoop(config, real_images(config, device), device).step,
    )
    for _ in range(3):
        ours(), textbook()
    times = [(seconds(ours, device), seconds(textbook, device)) for _ in range(repeats)]
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    batch = config.train.batch_size
    shape = f"{size}x{size}, width {config.network.width}, batch {batch}"
    print(
        f"step {shape}: {mine * 1e3:.1f} ms ({batch / mine:.0f} images/s), "
        f"textbook loop {theirs * 1e3:.1f} ms: {theirs / mine:.2f} times as fast"
    )


def bench_journal(records: int) -> None:
    """The cost of a block's record of nine metrics."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.jsonl") as journal:
        values = {name: [0.123456789] for name in training.STEP_METRICS}
        started = time.perf_counter()
        for step in range(records):
            journal.append("metrics", steps=[step], values=values)
        print(f"journal: {(time.perf_counter() - started) / records * 1e6:.0f} us a record of nine metrics")


def bench_mirror(size: int, repeats: int, rounds: int, device: torch.device) -> None:
    """Median step while a mirror ships every step's metrics, against the same without one, by turns."""
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
                       data={"name": "noise", "source": "", "digest": "0" * 64, "count": 1}, total_steps=1)  # fmt: skip
        journal.append("named", run="bench", group="bench", profile="", experiment="bench", config={})

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="*", default=["step", "journal", "mirror"], help="step, journal, mirror"
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=40, help="steps a measurement")
    parser.add_argument("--rounds", type=int, default=4, help="turns of the mirror's measurement")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    device = select_device(options.device)
    torch.set_num_threads(options.threads)
    print(stack(device))
    if "journal" in options.what:
        bench_journal(2000)
    for size in options.sizes:
        if "step" in options.what:
            bench_step(size, options.repeats, device)
        if "mirror" in options.what:
            bench_mirror(size, options.repeats, options.rounds, device)


if __name__ == "__main__":
    main()
