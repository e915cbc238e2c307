"""Named streams of randomness, each made on the CPU from (name, seed, index).

One seed therefore gives every variant the same data order, latent noise and samples, whatever else it draws. The CPU
and the GPU use the same numbers, and a training resumes exactly without the state of a generator.
"""

import hashlib

import torch
from torch import Tensor


def stream(name: str, seed: int, index: int = 0) -> torch.Generator:
    """A CPU generator of its own for the `index`-th draw (a step, an epoch) of the stream `name`."""
    digest = hashlib.sha256(f"{name}/{seed}/{index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def latent_noise(name: str, seed: int, index: int, count: int, latent_dim: int) -> Tensor:
    """z ~ N(0, 1), shape (count, latent_dim), float32, on the CPU."""
    return torch.randn(count, latent_dim, generator=stream(name, seed, index))


def batch_indices(seed: int, batch: int, num_images: int, batch_size: int) -> Tensor:
    """Indices of the `batch`-th batch of real images since the start, shape (batch_size,), int64.

    Each epoch is a fresh permutation; its incomplete last batch is dropped. Sets smaller than a batch are drawn
    with replacement, so that ablations on a handful of images still have full batches.
    """
    per_epoch = num_images // batch_size
    if per_epoch == 0:
        return torch.randint(num_images, (batch_size,), generator=stream("data", seed, batch))
    epoch, position = divmod(batch, per_epoch)
    order = torch.randperm(num_images, generator=stream("data", seed, epoch))
    return order[position * batch_size : (position + 1) * batch_size]
