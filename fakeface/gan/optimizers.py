"""Optimizers: one registered function each. Its keyword arguments are what the settings may set."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, optim

from fakeface.config import OptimizerConfig
from fakeface.errors import UserError
from fakeface.gan.normalized import AdamMagnitude, NormalizedSGD
from fakeface.registry import Registry

OPTIMIZERS: Registry[Callable[..., optim.Optimizer]] = Registry("optimizer")
COMMON_SETTINGS = {"lr", "betas", "momentum"}
"""Arguments that the settings name; an optimizer's others go through `options`."""


@OPTIMIZERS.register("adam")
def adam(parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float]) -> optim.Optimizer:
    """Adam (Kingma & Ba 2015): m <- b1 m + (1-b1) g, v <- b2 v + (1-b2) g^2, w <- w - lr m^ / (sqrt v^ + 1e-8)."""
    return optim.Adam(parameters, lr=lr, betas=betas, fused=True)


@OPTIMIZERS.register("sgd")
def sgd(
    parameters: Iterable[Tensor], *, lr: float, momentum: float, nesterov: bool = False
) -> optim.Optimizer:
    """Stochastic gradient descent: b <- momentum b + g, w <- w - lr b (Nesterov: w <- w - lr (g + momentum b))."""
    return optim.SGD(parameters, lr=lr, momentum=momentum, nesterov=nesterov, fused=True)


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    parameters: Iterable[Tensor], *, lr: float, momentum: float, alpha: float = 0.99
) -> optim.Optimizer:
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5): v <- alpha v + (1-alpha) g^2, w <- w - lr g / (sqrt v + 1e-8).

    With momentum: b <- momentum b + g / (sqrt v + 1e-8), w <- w - lr b. Raises ValueError unless 0 <= alpha < 1.
    """
    if not 0 <= alpha < 1:  # torch lets larger ones pass, which make v negative
        raise ValueError(f"alpha must be at least 0 and less than 1, not {alpha}")
    return optim.RMSprop(parameters, lr=lr, momentum=momentum, alpha=alpha)


@OPTIMIZERS.register("nsgd")
def nsgd(parameters: Iterable[Tensor], *, lr: float, scope: str = "network") -> optim.Optimizer:
    """Normalised SGD (Hazan et al. 2015; in GANs, Jelassi et al. 2022, arXiv 2210.04319): w <- w - lr g / ||g||.

    The norm runs over all parameters of the network, or with scope `layer` over each tensor by itself.
    """
    return NormalizedSGD(parameters, lr=lr, scope=scope)


@OPTIMIZERS.register("adam-magnitude")
def adam_magnitude(
    parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float], scope: str = "network"
) -> optim.Optimizer:
    """Adam's step length on SGD's direction (grafting: Agarwal et al. 2020; in GANs, Jelassi et al. 2022).

    w <- w - lr ||m^ / (sqrt v^ + 1e-8)|| g / ||g||, with Adam's m^ and v^. The norms run over all parameters of the
    network, or with scope `layer` over each tensor by itself.
    """
    return AdamMagnitude(parameters, lr=lr, betas=betas, scope=scope)


def accepted_settings(name: str) -> set[str]:
    """Names of the settings that the registered optimizer `name` takes. Raises UnknownComponent."""
    return set(inspect.signature(OPTIMIZERS[name]).parameters) - {"parameters"}


def optimizer_arguments(config: OptimizerConfig) -> dict[str, Any]:
    """The keyword arguments for the optimizer that `config` (of one network, nothing left to override) names.

    Raises:
        UserError: the optimizer is unknown, or takes no such option.
    """
    accepted = accepted_settings(config.name)
    unknown = sorted(set(config.options) - accepted | set(config.options) & COMMON_SETTINGS)
    if unknown:
        raise UserError(
            f"optimizer {config.name!r} has no option {unknown[0]!r} "
            f"(options: {', '.join(sorted(accepted - COMMON_SETTINGS)) or 'none'})"
        )
    common = {name: getattr(config, name) for name in sorted(COMMON_SETTINGS & accepted)}
    return common | dict(config.options)


def build_optimizer(config: OptimizerConfig, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """The optimizer of one network. Raises UserError like `optimizer_arguments`, or for what torch refuses."""
    arguments = optimizer_arguments(config)
    try:
        return OPTIMIZERS[config.name](parameters, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"optimizer {config.name!r}: {error}") from error
