"""Initial weights. Each initializer overwrites a freshly constructed network in place."""

from collections.abc import Callable

import torch
from torch import nn

from fakeface.registry import Registry

INITIALIZERS: Registry[Callable[[nn.Module, torch.Generator], None]] = Registry("initializer")


@INITIALIZERS.register("pytorch")
def pytorch(network: nn.Module, generator: torch.Generator) -> None:
    """Keep the framework's default: Kaiming-uniform convolutions (a = sqrt 5), BatchNorm scale 1, shift 0."""


@INITIALIZERS.register("dcgan")
def dcgan(network: nn.Module, generator: torch.Generator) -> None:
    """Convolutions N(0, 0.02), BatchNorm scale N(1, 0.02), shift 0 (Radford et al. 2016; `examples/dcgan`)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
            nn.init.zeros_(module.bias)
