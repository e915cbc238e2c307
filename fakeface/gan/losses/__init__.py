"""Losses: what a discriminator and a generator minimise. One registered class each."""

# They register themselves on import, in the order in which they are listed to the user.
from fakeface.gan.losses import non_saturating, hinge, least_squares, wasserstein  # isort: skip  # noqa: F401
from fakeface.gan.losses._base import LOSSES, GanLoss, build_loss

__all__ = ["LOSSES", "GanLoss", "build_loss"]
