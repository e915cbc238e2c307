"""What an optimizer is: a registered function or class whose keyword arguments are what the settings may set."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, optim

from fakeface.config import OptimizerConfig
from fakeface.registry import Registry

OPTIMIZERS: Registry[Callable[..., optim.Optimizer]] = Registry("optimizer", given=1)
COMMON_SETTINGS = {"lr", "betas", "momentum"}
"""Arguments that have a setting of their own; an optimizer's other arguments go through `options`."""


def accepted_settings(name: str) -> set[str]:
    """Names of the settings that the registered optimizer `name` takes. Raises UnknownComponent."""
    return set(OPTIMIZERS.parameters(name))


def common_settings(config: OptimizerConfig) -> dict[str, Any]:
    """The values of COMMON_SETTINGS."""
    return {name: getattr(config, name) for name in sorted(COMMON_SETTINGS)}


def optimizer_arguments(config: OptimizerConfig) -> dict[str, Any]:
    """All keyword arguments of the optimizer that `config` (of one network, nothing left to override) names.

    Raises:
        UserError: the optimizer is unknown or takes no such option.
    """
    return OPTIMIZERS.arguments(config.name, config.options, common_settings(config))


def build_optimizer(config: OptimizerConfig, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """The optimizer of one network. Raises UserError like `optimizer_arguments`, or for a value that torch refuses."""
    optimizer: optim.Optimizer = OPTIMIZERS.build(
        config.name, config.options, parameters, **common_settings(config)
    )
    return optimizer
