"""Batches: real images in the order that the seed gives, and what a loss sees of a step."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fakeface.randomness import batch_indices, stream


class RealImages:
    """The training set, as batches in the order that the seed gives, scaled for D.

    Args:
        images: (N, H, W, C) uint8; a memory map stays on disk.
        indices: the subset to train on, or None for all.
        scaling: `symmetric` for [-1, 1], `unit` for [0, 1].
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        indices: NDArray[np.int64] | None,
        *,
        scaling: str,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.images, self.indices, self.scaling = images, indices, scaling
        self.batch_size, self.seed, self.device = batch_size, seed, device

    def batch(self, number: int) -> Tensor:
        """The `number`-th batch since the start, (batch_size, C, H, W) float32 on the device, channels_last."""
        available = len(self.images) if self.indices is None else len(self.indices)
        chosen = batch_indices(self.seed, number, available, self.batch_size).numpy()
        rows = chosen if self.indices is None else self.indices[chosen]
        pixels = torch.from_numpy(self.images[rows]).to(self.device, non_blocking=True)
        unit = pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)
        return unit if self.scaling == "unit" else unit.mul_(2).sub_(1)


class SeparateNoise(RealImages):
    """Real images in the order of their own seed, for steps that draw with another."""

    def __init__(self, ordered: RealImages, seed: int) -> None:
        vars(self).update(vars(ordered))
        self.ordered, self.seed = ordered, seed

    def batch(self, number: int) -> Tensor:
        return self.ordered.batch(number)


@dataclass
class GanBatch:
    """What a loss sees of one half of a step: D, a real batch and a generated batch.

    In D's half the fakes are detached from G. In G's half gradients flow through `fake`, and D's weights need none.
    """

    discriminator: nn.Module
    """Images (B, C, H, W) -> outputs (B,)."""
    real: Tensor
    """(B, C, H, W) in the range that `data.scaling` gives."""
    fake: Tensor
    """(B, C, H, W) in [-1, 1]."""
    seed: int
    """Of the training."""
    number: int
    """Of the step of D, from 0."""

    @cached_property
    def real_outputs(self) -> Tensor:
        """D's outputs on the real batch, (B,) float32. D runs when they are first read, and once."""
        outputs: Tensor = self.discriminator(self.real)
        return outputs.float()

    @cached_property
    def fake_outputs(self) -> Tensor:
        """D's outputs on the generated batch, (B,) float32. D runs when they are first read, and once."""
        outputs: Tensor = self.discriminator(self.fake)
        return outputs.float()

    def stream(self, name: str) -> torch.Generator:
        """A CPU generator of this step's own, for a loss that draws: the same on each device and after a resume."""
        return stream(name, self.seed, self.number)
