"""Initial weights. Each initializer overwrites a freshly constructed network in place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from torch.nn.utils import parametrize

from fakeface.registry import Registry

INITIALIZERS: Registry[Callable[..., None]] = Registry("initializer", given=2)
"""Called with a network and a CPU generator of its own. Their further arguments are options."""


@INITIALIZERS.register("pytorch")
def pytorch(network: nn.Module, generator: torch.Generator) -> None:
    """Keep the framework's default: Kaiming-uniform convolutions (a = sqrt 5), BatchNorm scale 1, shift 0."""


@INITIALIZERS.register("dcgan")
def dcgan(network: nn.Module, generator: torch.Generator, *, std: float = 0.02) -> None:
    """Weights N(0, std), BatchNorm scale N(1, std), shifts and biases 0 (Radford et al. 2016; `examples/dcgan`)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
            mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
            nn.init.normal_(module.weight, mean, std, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@contextmanager
def plain_parameters(network: nn.Module) -> Iterator[None]:
    """In this context, every parametrised weight of a new network is an ordinary parameter, to be initialised.

    A weight under spectral normalisation, say, is computed at each access from the parameter that is stored, and what
    an initializer wrote into it would be lost without an error.
    """
    parametrised = [
        (module, name, list(cast("nn.ModuleList", functions)))
        for module in network.modules()
        if parametrize.is_parametrized(module)
        for name, functions in cast("nn.ModuleDict", module.parametrizations).items()
    ]
    for module, name, _ in parametrised:
        several = not hasattr(module.parametrizations[name], "original")  # type: ignore[index]
        parametrize.remove_parametrizations(module, name, leave_parametrized=several)
    yield
    for module, name, functions in parametrised:
        for function in functions:
            parametrize.register_parametrization(module, name, function)
        for _ in range(15):  # as many power iterations as torch takes when a network is built
            getattr(module, name)
