"""What an optimizer is: a registered function or class whose keyword arguments are what the settings may set."""

import inspect
from collections.abc import Callable, Iterable

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


def build_optimizer(config: OptimizerConfig, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """The optimizer that `config` (of one network, nothing left to override) names.

    Raises:
        UserError: the optimizer is unknown, takes no such option, or refuses a value.
    """
    accepted = accepted_settings(config.name)
    unknown = sorted(set(config.options) - accepted | set(config.options) & COMMON_SETTINGS)
    if unknown:
        raise UserError(
            f"optimizer {config.name!r} has no option {unknown[0]!r} "
            f"(options: {', '.join(sorted(accepted - COMMON_SETTINGS)) or 'none'})"
        )
    common = {name: getattr(config, name) for name in sorted(COMMON_SETTINGS & accepted)}
    try:
        return OPTIMIZERS[config.name](parameters, **common, **config.options)
    except (TypeError, ValueError) as error:
        raise UserError(f"optimizer {config.name!r}: {error}") from error
