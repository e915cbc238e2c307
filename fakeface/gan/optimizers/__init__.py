"""Optimizers: parameters and settings in, steps out. One registered function or class each."""

# They register themselves on import, in the order in which they are listed to the user.
from fakeface.gan.optimizers import standard, normalized, lion, optimistic  # isort: skip  # noqa: F401
from fakeface.gan.optimizers._base import OPTIMIZERS, accepted_settings, build_optimizer, optimizer_arguments

__all__ = ["OPTIMIZERS", "accepted_settings", "build_optimizer", "optimizer_arguments"]
