"""Lion, which moves every weight by the same length."""

from collections.abc import Iterable

import torch
from torch import Tensor, optim

from fakeface.gan.optimizers._base import OPTIMIZERS
from fakeface.gan.optimizers._stepping import groups_with_gradients


@OPTIMIZERS.register("lion")
class Lion(optim.Optimizer):
    """Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2): steps along a sign.

    c = b1 m + (1 - b1) g, w <- (1 - lr weight_decay) w - lr sign(c), m <- b2 m + (1 - b2) g. A c that is not finite
    gives NaN. The state is `exp_avg`, the m. The paper has betas (0.9, 0.99) and a 3 to 10 times lower rate than AdamW.

    Args:
        lr: how far each weight moves in a step.
        betas: b1, with which m enters the step, and b2, with which m decays.
        weight_decay: share of a weight that it loses in a step, in units of lr.

    Raises:
        ValueError: `weight_decay` is negative.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        if weight_decay < 0:
            raise ValueError(f"weight_decay must be at least 0, not {weight_decay}")
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nothing here computes a loss again
        """Take one step along the gradients that the parameters hold."""
        for group, weights, gradients in groups_with_gradients(self):
            lr, (in_step, decay) = group["lr"], group["betas"]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight] = {"exp_avg": torch.zeros_like(weight)}
            means = [self.state[weight]["exp_avg"] for weight in weights]
            moves = torch._foreach_lerp(means, gradients, 1 - in_step)
            not_finite = torch._foreach_mul(moves, 0)  # NaN where sign() would give 0 or 1
            torch._foreach_sign_(moves)
            torch._foreach_add_(moves, not_finite)
            if group["weight_decay"]:
                torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
            torch._foreach_add_(weights, moves, alpha=-lr)
            torch._foreach_lerp_(means, gradients, 1 - decay)
