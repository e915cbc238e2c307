"""The components that a training names, by the setting that names each.

Optimizers are not among them: each network has its own (`fakeface.gan.optimizers`).
"""

from typing import Any

from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.losses import LOSSES
from fakeface.gan.networks import NETWORKS
from fakeface.gan.penalties import PENALTIES
from fakeface.registry import Registry

COMPONENTS: dict[str, Registry[Any]] = {
    "network": NETWORKS,
    "init": INITIALIZERS,
    "loss": LOSSES,
    "penalty": PENALTIES,
    "augment": AUGMENTATIONS,
}
"""The fields of `TrainingConfig` that are a `ComponentConfig`."""
