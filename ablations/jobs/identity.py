"""What makes two trainings the same: their settings, seed, data, and the code between settings and weights."""

from collections.abc import Mapping
from typing import Any

from ablations.code.reached import without_files
from fakeface.config import TrainingConfig, canonical_digest, settings_of
from fakeface.data import training_size
from fakeface.gan.components import COMPONENTS
from fakeface.gan.optimizers import optimizer_arguments


def resolved_settings(config: TrainingConfig, num_images: int) -> dict[str, Any]:
    """Every setting that decides the weights, as it takes effect on a data set of `num_images` images.

    Two ways to write the same training are the same here: an override that equals the common setting, `limit` or
    `fraction` that keep as many images, `steps`, `epochs` and `times` that come to the same number of steps.
    """
    used = training_size(num_images, config.data)
    resolved = {
        name: value
        for name, value in settings_of(config).items()
        if not name.startswith("optimizer.") and name not in _RESOLVED
    }
    for setting, registry in COMPONENTS.items():
        component = getattr(config, setting)
        options = registry.arguments(component.name, component.options)
        resolved |= {f"{setting}.options.{name}": value for name, value in options.items()}
    resolved |= {"data.images": used, "train.total_steps": config.train.total_steps(used)}
    for network in ("G", "D"):
        own = config.optimizer.for_network(network)
        of_the_step = {name: value for name, value in settings_of(own).items() if name in _OF_THE_STEP}
        arguments = of_the_step | optimizer_arguments(own)
        resolved |= {f"optimizer.{network}.{name}": value for name, value in arguments.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in resolved.items()}


_OF_THE_STEP = {"name", "warmup_steps", "clip_norm", "clip_value"}
"""Settings of an optimizer that all have, and none takes as an argument."""
_RESOLVED = {"data.limit", "data.fraction", "train.steps", "train.epochs", "train.times"}
"""Settings that enter as what they come to."""


def training_identity(
    settings: Mapping[str, Any], seed: int, data_digest: str, code: Mapping[str, str]
) -> str:
    """SHA-256 of all that decides the weights, as 64 hex digits.

    Args:
        settings: from `resolved_settings`.
    """
    return canonical_digest(
        {"settings": settings, "seed": seed, "data": data_digest, "code": without_files(code)}
    )
