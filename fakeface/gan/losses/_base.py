"""What a loss is: the objectives of both networks, and what their values mean."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from fakeface.config import LossConfig
from fakeface.errors import UserError
from fakeface.gan.batches import GanBatch
from fakeface.registry import Registry


class GanLoss(ABC):
    """The objectives of both networks, each to be minimised, and what their values mean.

    The keyword arguments of the constructor are the loss's options. Scalars and outputs stay on the device.
    """

    unit: str = ""
    """Of Loss_D and Loss_G; empty where they have none."""
    boundary: float | None = 0.0
    """The output of D above which it calls an image real. None where only differences of outputs have a meaning: the
    accuracies then take the middle between the mean outputs on the real and on the generated batch."""
    won_below: float | None = None
    """Loss_D, without penalties, below which D has won: its gradient hardly depends on what G generates. None: that
    cannot be read off this loss, and no training with it is called `discriminator-won`."""

    @abstractmethod
    def discriminator(self, batch: GanBatch) -> tuple[Tensor, Tensor]:
        """(Loss_D_real, Loss_D_fake), scalars; D minimises their sum."""

    @abstractmethod
    def generator(self, batch: GanBatch) -> Tensor:
        """Loss_G, a scalar."""

    def probability(self, outputs: Tensor) -> Tensor:
        """D(x) as it is logged: the probability that an image is real, or by default the output itself."""
        return outputs

    def penalty(self, batch: GanBatch) -> Tensor | None:  # noqa: ARG002
        """A scalar that D minimises too, such as a gradient penalty; None: there is none."""
        return None

    def constrain(self, discriminator: nn.Module) -> None:  # noqa: B027  # most losses need none
        """Change D's weights in place after each of its steps, as weight clipping does. By default nothing."""


LOSSES: Registry[Callable[..., GanLoss]] = Registry("loss")


def build_loss(config: LossConfig) -> GanLoss:
    """The loss that the settings name. Raises UserError like `Registry.build`, or if it is no GanLoss."""
    loss: GanLoss = LOSSES.build(config.name, config.options)
    if not isinstance(loss, GanLoss):
        raise UserError(f"loss {config.name!r} must be a subclass of fakeface.gan.losses.GanLoss")
    return loss
