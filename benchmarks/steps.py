"""The step itself, ours and the report's by turns."""

import itertools
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.ratio import Ratio, of_pairs
from benchmarks.reference import ReportLoop
from fakeface.config import TrainingConfig
from fakeface.gan import training
from fakeface.gan.batches import RealImages
from fakeface.gan.step import GanState

SIZES = (32, 64)
"""Of the images."""
PRECISIONS = ("float32", "bfloat16")


def setting(size: int, *, width: int = 32, batch: int = 64, precision: str = "float32") -> TrainingConfig:
    return TrainingConfig(
        data={"image_size": size},
        network={"width": width},
        train={"batch_size": batch, "precision": precision},
    )


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


def bench_step(config: TrainingConfig, pairs: int, device: torch.device) -> Ratio:
    """Steps by turns. The reference's images are in memory, so this compares the arithmetic; it has float32."""
    ours, loop, real = our_stepper(config, device), ReportLoop(config, device), real_images(config, device)
    batches = (real.batch(number) for number in itertools.count())

    def theirs() -> None:
        loop.step(next(batches))

    for _ in range(3):
        ours(), theirs()
    times = [(seconds(ours, device), seconds(theirs, device)) for _ in range(pairs)]
    size, train = config.data.image_size, config.train
    shape = f"{size}x{size}, width {config.network.width}, batch {train.batch_size}, {train.precision}"
    return of_pairs(f"GAN step at {shape}", "the report's loop", times)
