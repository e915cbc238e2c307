"""What an optimizer is: a registered function or class whose keyword arguments are what the settings may set."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, optim

from fakeface.config import OptimizerConfig
from fakeface.errors import UserError
from fakeface.registry import Registry

OPTIMIZERS: Registry[Callable[..., optim.Optimizer]] = Registry("optimizer")
COMMON_SETTINGS = {"lr", "betas", "momentum"}
"""Arguments that have a setting of their own; an optimizer's other arguments go through `options`."""


def accepted_settings(name: str) -> set[str]:
    """Names of the settings that the registered optimizer `name` takes. Raises UnknownComponent."""
    return set(inspect.signature(OPTIMIZERS[name]).parameters) - {"parameters"}


def optimizer_arguments(config: OptimizerConfig) -> dict[str, Any]:
    """The keyword arguments of the optimizer that `config` (of one network, nothing left to override) names.

    Raises:
        UserError: the optimizer is unknown or takes no such option.
    """
    accepted = accepted_settings(config.name)
    unknown = sorted(set(config.options) - accepted | set(config.options) & COMMON_SETTINGS)
    if unknown:
        raise UserError(
            f"optimizer {config.name!r} has no option {unknown[0]!r} "
            f"(options: {', '.join(sorted(accepted - COMMON_SETTINGS)) or 'none'})"
        )
    return {name: getattr(config, name) for name in sorted(COMMON_SETTINGS & accepted)} | config.options


def resolved_arguments(config: OptimizerConfig) -> dict[str, Any]:
    """`optimizer_arguments`, with the defaults of the registered function filled in."""
    call = inspect.signature(OPTIMIZERS[config.name]).bind(None, **optimizer_arguments(config))
    call.apply_defaults()
    return {name: value for name, value in call.arguments.items() if name != "parameters"}


def build_optimizer(config: OptimizerConfig, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """The optimizer of one network. Raises UserError like `optimizer_arguments`, or for a value that torch refuses."""
    arguments = optimizer_arguments(config)
    try:
        return OPTIMIZERS[config.name](parameters, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"optimizer {config.name!r}: {error}") from error
