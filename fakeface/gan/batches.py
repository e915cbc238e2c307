"""Batches of real images, in the order that the seed gives."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fakeface.randomness import batch_indices


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
