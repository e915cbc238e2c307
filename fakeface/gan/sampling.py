"""A generator and latent vectors -> pictures."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@torch.inference_mode()
def generate(generator: nn.Module, z: Tensor, *, batch_size: int = 256) -> NDArray[np.uint8]:
    """Images (len(z), H, W, C) uint8 for latent vectors z (N, latent_dim).

    In evaluation mode (BatchNorm's running statistics), so that an image depends on its own z alone and nothing in
    the network changes. Non-finite pixels, which only a diverged network makes, come out black.
    """
    device = next(generator.parameters()).device
    was_training = generator.training
    generator.eval()
    try:
        chunks = [to_uint8(generator(chunk.to(device))) for chunk in torch.split(z, batch_size)]
    finally:
        generator.train(was_training)
    return np.concatenate(chunks)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """(B, C, H, W) in [-1, 1] -> (B, H, W, C) uint8, rounded."""
    levels = images.float().nan_to_num(-1.0).add(1).mul(127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
