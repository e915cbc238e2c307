"""The losses of WGAN: the distance of the two batches' mean outputs, with D kept Lipschitz in two ways."""

import torch
from torch import Tensor, nn

from fakeface.gan.batches import GanBatch
from fakeface.gan.losses._base import LOSSES, GanLoss
from fakeface.gan.penalties import gradient_penalty


class _Wasserstein(GanLoss):
    """-Loss_D estimates the Wasserstein-1 distance, up to D's Lipschitz constant. D's outputs have no zero."""

    boundary = None

    def discriminator(self, batch: GanBatch) -> tuple[Tensor, Tensor]:
        """-E D(x) and E D(G(z))."""
        return -batch.real_outputs.mean(), batch.fake_outputs.mean()

    def generator(self, batch: GanBatch) -> Tensor:
        """-E D(G(z))."""
        return -batch.fake_outputs.mean()


@LOSSES.register("wasserstein")
class Wasserstein(_Wasserstein):
    """WGAN with weight clipping (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1).

    The paper trains with RMSprop at 5e-5 and five steps of D for each of G (`train.d_steps`).

    Args:
        clip: after each step of D, every weight of D is clipped to [-clip, clip].

    Raises:
        ValueError: clip is not positive.
    """

    def __init__(self, *, clip: float = 0.01) -> None:
        if clip <= 0:
            raise ValueError(f"clip must be positive, not {clip}")
        self.clip = clip

    @torch.no_grad()
    def constrain(self, discriminator: nn.Module) -> None:
        """Clip every weight."""
        for weight in discriminator.parameters():
            weight.clamp_(-self.clip, self.clip)


@LOSSES.register("wasserstein-gp")
class WassersteinGP(_Wasserstein):
    """WGAN with a gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1).

    The paper trains with Adam at 1e-4, betas (0, 0.9) and five steps of D for each of G (`train.d_steps`), and without
    BatchNorm in D: the penalty is about the gradient of each image's own output.

    Args:
        weight: of the penalty.
    """

    def __init__(self, *, weight: float = 10.0) -> None:
        self.weight = weight

    def penalty(self, batch: GanBatch) -> Tensor | None:
        """weight E (||grad D|| - 1)^2 between the real and the generated images."""
        return gradient_penalty(batch, weight=self.weight)
