"""Initial weights. Each initializer overwrites a freshly constructed network in place."""

from collections.abc import Callable

import torch
from torch import nn

from fakeface.registry import Registry

INITIALIZERS: Registry[Callable[..., None]] = Registry("initializer", given=2)
"""Called with a network and a CPU generator of its own. Their further arguments are options."""


@INITIALIZERS.register("pytorch")
def pytorch(network: nn.Module, generator: torch.Generator) -> None:
    """Keep the framework's default: Kaiming-uniform convolutions (a = sqrt 5), BatchNorm scale 1, shift 0."""


@INITIALIZERS.register("dcgan")
def dcgan(network: nn.Module, generator: torch.Generator, *, std: float = 0.02) -> None:
    """Convolutions N(0, std), BatchNorm scale N(1, std), shift 0 (Radford et al. 2016; `examples/dcgan`)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, std, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std, generator=generator)
            nn.init.zeros_(module.bias)
