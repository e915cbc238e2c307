"""The step itself, ours and the textbook's by turns."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.reference import TextbookLoop
from fakeface.config import TrainingConfig
from fakeface.gan import training
from fakeface.gan.batches import RealImages
from fakeface.gan.step import GanState

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
    state = GanState.create(config, 0, device)
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
