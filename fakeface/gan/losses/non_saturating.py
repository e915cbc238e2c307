"""The loss of the first GANs, binary cross-entropy, with one-sided label smoothing."""

from math import log

from torch import Tensor
from torch.nn.functional import softplus

from fakeface.declaration import WON_BELOW, Declaration
from fakeface.gan.batches import GanBatch
from fakeface.gan.losses._base import LOSSES, GanLoss


@LOSSES.register("non-saturating")
class NonSaturating(GanLoss):
    """Binary cross-entropy on logits, with G's non-saturating objective (Goodfellow et al. 2014, section 3).

    -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x): what `BCEWithLogitsLoss` computes for the
    targets 1 and 0. With one-sided label smoothing (Salimans et al. 2016, arXiv 1606.03498, section 3.4) the target of
    real images is 1 - s, so that D at its best gives D(x) = (1 - s) p_data / (p_data + p_G). A real image is as likely
    as a fake where that is (1 - s) / 2, and Loss_D falls no further than the entropy of the target.

    Args:
        smoothing: s, at least 0 and less than 1.

    Raises:
        ValueError: it is not.
    """

    unit = Declaration.unit

    def __init__(self, *, smoothing: float = 0.0) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be at least 0 and less than 1, not {smoothing}")
        s = self.smoothing = smoothing
        least = -s * log(s) - (1 - s) * log(1 - s) if s else 0.0
        self.won_below = WON_BELOW + least
        self.boundary = log((1 - s) / (1 + s))

    def discriminator(self, batch: GanBatch) -> tuple[Tensor, Tensor]:
        """-E[(1 - s) log D(x) + s log(1 - D(x))] and -E log(1 - D(G(z)))."""
        real = softplus(-batch.real_outputs).mean()
        if self.smoothing:  # softplus(x) = softplus(-x) + x
            real = real + self.smoothing * batch.real_outputs.mean()
        return real, softplus(batch.fake_outputs).mean()

    def generator(self, batch: GanBatch) -> Tensor:
        """-E log D(G(z))."""
        return softplus(-batch.fake_outputs).mean()

    def probability(self, outputs: Tensor) -> Tensor:
        """D(x) = sigmoid(output)."""
        return outputs.sigmoid()
