"""What a network is: a registered function from the settings to a pair of modules."""

import copy
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from fakeface.config import TrainingConfig
from fakeface.errors import UserError
from fakeface.registry import Registry

Layer = TypeVar("Layer", bound=nn.Module)


class Networks(NamedTuple):
    """The two players. G: (B, latent_dim) -> (B, C, H, W) in [-1, 1]; D: (B, C, H, W) -> logits (B,)."""

    generator: nn.Module
    discriminator: nn.Module


def check_shapes(networks: Networks, config: TrainingConfig) -> None:
    """Check the outputs of two networks on a batch of two. Leaves weights, statistics and random state as they are.

    Raises:
        UserError: G does not make images (2, C, H, W), or D not outputs (2,).
    """
    generator, discriminator = (copy.deepcopy(network).eval() for network in networks)
    size, name = config.data.image_size, config.network.name
    device = next((weight.device for weight in generator.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        images = generator(torch.zeros(2, config.network.latent_dim, device=device))
        _check_shape(f"network {name!r}: G", images, (2, config.data.channels, size, size))
        _check_shape(f"network {name!r}: D", discriminator(images), (2,))


def _check_shape(what: str, output: Tensor, expected: tuple[int, ...]) -> None:
    if output.shape != expected:
        words = (
            f"returns a tensor of shape {tuple(output.shape)} for a batch of 2, and must return {expected}"
        )
        raise UserError(f"{what} {words}")


NETWORKS: Registry[Callable[..., Networks]] = Registry("network", given=1)
"""Called with a `TrainingConfig`. Their further arguments are options."""


def normalised(layer: Layer, spectral_norm: bool) -> Layer:
    """The layer, with spectral normalisation of its weight if asked for (Miyato et al. 2018, arXiv 1802.05957).

    The weight, as a matrix with a row per output, is divided by an estimate of its largest singular value, which one
    power iteration at each forward pass in training mode improves.
    """
    if spectral_norm:
        parametrizations.spectral_norm(layer)
    return layer
