"""The hinge loss of SNGAN and BigGAN."""

from torch import Tensor
from torch.nn.functional import relu

from fakeface.gan.batches import GanBatch
from fakeface.gan.losses._base import LOSSES, GanLoss


@LOSSES.register("hinge")
class Hinge(GanLoss):
    """Hinge loss (Lim & Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16 and 17)."""

    def discriminator(self, batch: GanBatch) -> tuple[Tensor, Tensor]:
        """E max(0, 1 - D(x)) and E max(0, 1 + D(G(z)))."""
        return relu(1 - batch.real_outputs).mean(), relu(1 + batch.fake_outputs).mean()

    def generator(self, batch: GanBatch) -> Tensor:
        """-E D(G(z))."""
        return -batch.fake_outputs.mean()
