"""What the optimizers that are written here share. Nothing in it waits for the device."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, optim


def groups_with_gradients(
    optimizer: optim.Optimizer,
) -> Iterator[tuple[dict[str, Any], list[Tensor], list[Tensor]]]:
    """Each group of parameters with those of them that have a gradient, and these gradients."""
    for group in optimizer.param_groups:
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if weights:
            yield group, weights, [weight.grad for weight in weights]


def adam_directions(
    optimizer: optim.Optimizer, weights: list[Tensor], gradients: list[Tensor], betas: tuple[float, float]
) -> list[Tensor]:
    """Adam's m^ / (sqrt v^ + 1e-8), new tensors shaped like the weights, the moments brought up to date first.

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, and at the k-th step m^ = m / (1 - b1^k), v^ = v / (1 - b2^k).

    Adds to the optimizer's state what Adam keeps, under its names: `exp_avg` and `exp_avg_sq` like the parameter, and
    `step`, a float32 scalar that stays on the host, so that reading it waits for no device.
    """
    for weight in weights:
        if "step" not in optimizer.state[weight]:
            optimizer.state[weight] |= {
                "step": torch.zeros((), dtype=torch.float32),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
    states = [optimizer.state[weight] for weight in weights]
    means, squares = ([s[name] for s in states] for name in ("exp_avg", "exp_avg_sq"))
    torch._foreach_add_([s["step"] for s in states], 1)
    torch._foreach_lerp_(means, gradients, 1 - betas[0])
    torch._foreach_mul_(squares, betas[1])
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - betas[1])
    steps = [float(s["step"]) for s in states]
    roots = torch._foreach_sqrt(squares)
    torch._foreach_div_(roots, [(1 - betas[1] ** k) ** 0.5 for k in steps])
    torch._foreach_add_(roots, 1e-8)
    directions = list(torch._foreach_div(means, roots))
    torch._foreach_div_(directions, [1 - betas[0] ** k for k in steps])
    return directions
