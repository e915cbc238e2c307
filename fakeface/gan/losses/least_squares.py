"""The loss of LSGAN."""

from torch import Tensor

from fakeface.gan.batches import GanBatch
from fakeface.gan.losses._base import LOSSES, GanLoss


@LOSSES.register("least-squares")
class LeastSquares(GanLoss):
    """Least squares with targets 1 for real and 0 for fake (Mao et al. 2017, arXiv 1611.04076, equation 9)."""

    boundary = 0.5

    def discriminator(self, batch: GanBatch) -> tuple[Tensor, Tensor]:
        """E (D(x) - 1)^2 / 2 and E D(G(z))^2 / 2."""
        return (batch.real_outputs - 1).square().mean() / 2, batch.fake_outputs.square().mean() / 2

    def generator(self, batch: GanBatch) -> Tensor:
        """E (D(G(z)) - 1)^2 / 2."""
        return (batch.fake_outputs - 1).square().mean() / 2
