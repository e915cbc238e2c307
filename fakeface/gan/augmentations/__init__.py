"""Augmentations of what D sees, real and generated images alike. One registered function each."""

# They register themselves on import, in the order in which they are listed to the user.
from fakeface.gan.augmentations import diffaugment  # isort: skip  # noqa: F401
from fakeface.gan.augmentations._base import AUGMENTATIONS

__all__ = ["AUGMENTATIONS"]
