"""What a network is: a registered function from the settings to a pair of modules."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from torch import nn
from torch.nn.utils import parametrizations

from fakeface.registry import Registry

Layer = TypeVar("Layer", bound=nn.Module)


class Networks(NamedTuple):
    """The two players. G: (B, latent_dim) -> (B, C, H, W) in [-1, 1]; D: (B, C, H, W) -> logits (B,)."""

    generator: nn.Module
    discriminator: nn.Module


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
