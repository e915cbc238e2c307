"""Optimistic steps, which take the opponent's next move for the last one, so that a pair does not circle."""

from collections.abc import Iterable

import torch
from torch import Tensor, optim

from fakeface.gan.optimizers._base import OPTIMIZERS
from fakeface.gan.optimizers._stepping import adam_directions, groups_with_gradients


@OPTIMIZERS.register("optimistic-adam")
class OptimisticAdam(optim.Optimizer):
    """Optimistic Adam (Daskalakis et al. 2018, arXiv 1711.00141, algorithm 1): w <- w - 2 lr d + lr d'.

    d = m^ / (sqrt v^ + 1e-8) is Adam's direction and d' the one of the step before, 0 at the first. Both take the
    current learning rate, which differs from step to step only in a warm-up. The state is Adam's, with d' as
    `direction`.

    Args:
        lr: learning rate.
        betas: decay rates of the first and second moment.
    """

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nothing here computes a loss again
        """Take one step along the gradients that the parameters hold."""
        for group, weights, gradients in groups_with_gradients(self):
            directions = adam_directions(self, weights, gradients, group["betas"])
            torch._foreach_add_(weights, directions, alpha=-2 * group["lr"])
            for weight, direction in zip(weights, directions, strict=True):
                state = self.state[weight]
                if "direction" in state:
                    weight.add_(state["direction"], alpha=group["lr"])
                state["direction"] = direction
