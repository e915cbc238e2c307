"""Objectives as pure functions of logits. A registered class is a pair: D's objective, in two halves, and G's."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor
from torch.nn.functional import softplus

from fakeface.registry import Registry


class GanLoss(Protocol):
    """The two players' objectives, each to be minimised; logits have shape (B,), results are scalars."""

    def discriminator(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """(Loss_D_real, Loss_D_fake) from the logits of a real and of a generated batch."""
        ...

    def generator(self, fake: Tensor) -> Tensor:
        """Loss_G from the logits of a generated batch."""
        ...


LOSSES: Registry[Callable[[], GanLoss]] = Registry("loss")


@LOSSES.register("non-saturating")
class NonSaturating:
    """Binary cross-entropy on logits, with G's non-saturating objective (Goodfellow et al. 2014, section 3).

    -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x): what `BCEWithLogitsLoss` computes for the
    targets 1 and 0.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """-E log D(x) and -E log(1 - D(G(z)))."""
        return softplus(-real).mean(), softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """-E log D(G(z))."""
        return softplus(-fake).mean()
