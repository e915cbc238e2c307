"""Normalised steps, w <- w - length * g / ||g||: the gradient decides their direction, but not their length.

The norm runs over a *scope*: `network`, all tensors of a network together, so that they keep their proportions; or
`layer`, each tensor by itself. It is computed in float64, where the square of no float32 gradient overflows or
vanishes: a discriminator that has won sends gradients of 1e-25, which still have a direction. A gradient of exactly
zero has none and moves nothing. Nothing here waits for the device.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, optim

from fakeface.gan.optimizers._base import OPTIMIZERS

SCOPES = ("network", "layer")
_TINY = torch.finfo(torch.float32).tiny
"""Smallest divisor: zero / tiny is zero, where zero / zero would be NaN."""


@OPTIMIZERS.register("nsgd")
class NormalizedSGD(optim.Optimizer):
    """Normalised SGD (Hazan et al. 2015; in GANs, Jelassi et al. 2022, arXiv 2210.04319): w <- w - lr g / ||g||.

    Keeps no state.

    Args:
        lr: length of the step, in the norm of the scope.
        scope: `network` or `layer`.

    Raises:
        ValueError: there is no such scope.
    """

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, scope: str = "network") -> None:
        super().__init__(parameters, {"lr": lr, "scope": _checked(scope)})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nothing here computes a loss again
        """Take one step along the gradients that the parameters hold."""
        for group, weights, gradients in _groups_with_gradients(self):
            torch._foreach_add_(weights, directions(gradients, group["scope"]), alpha=-group["lr"])


@OPTIMIZERS.register("adam-magnitude")
class AdamMagnitude(optim.Optimizer):
    """Adam's step length on SGD's direction, by grafting (Agarwal et al. 2020, arXiv 2002.11803; in GANs, Jelassi).

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - lr ||m^ / (sqrt v^ + 1e-8)|| g / ||g||, with
    m^ = m / (1 - b1^k) and v^ = v / (1 - b2^k) at the k-th step, as in Adam.

    The state is Adam's, under its names: `exp_avg` and `exp_avg_sq` like the parameter, and `step`, a float32 scalar
    that stays on the host, so that reading it waits for no device.

    Args:
        lr: Adam's learning rate.
        betas: decay rates of the first and second moment.
        scope: `network` or `layer`; both norms run over it.

    Raises:
        ValueError: there is no such scope.
    """

    def __init__(
        self, parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float], scope: str = "network"
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "scope": _checked(scope)})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure, as above
        """Take one step along the gradients that the parameters hold."""
        for group, weights, gradients in _groups_with_gradients(self):
            lengths = norms(self._adam_steps(weights, gradients, group["betas"]), group["scope"])
            moves = directions(gradients, group["scope"])
            torch._foreach_mul_(moves, lengths)
            torch._foreach_add_(weights, moves, alpha=-group["lr"])

    def _adam_steps(
        self, weights: list[Tensor], gradients: list[Tensor], betas: tuple[float, float]
    ) -> list[Tensor]:
        """m^ / (sqrt v^ + 1e-8), one per weight and shaped like it, the moments brought up to date first."""
        for weight in weights:
            if not self.state[weight]:
                self.state[weight] = {
                    "step": torch.zeros((), dtype=torch.float32),
                    "exp_avg": torch.zeros_like(weight),
                    "exp_avg_sq": torch.zeros_like(weight),
                }
        states = [self.state[weight] for weight in weights]
        means, squares = ([s[name] for s in states] for name in ("exp_avg", "exp_avg_sq"))
        torch._foreach_add_([s["step"] for s in states], 1)
        torch._foreach_lerp_(means, gradients, 1 - betas[0])
        torch._foreach_mul_(squares, betas[1])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - betas[1])
        steps = [float(s["step"]) for s in states]
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, [(1 - betas[1] ** k) ** 0.5 for k in steps])
        torch._foreach_add_(roots, 1e-8)
        adams = list(torch._foreach_div(means, roots))
        torch._foreach_div_(adams, [1 - betas[0] ** k for k in steps])
        return adams


def norms(tensors: list[Tensor], scope: str) -> list[Tensor]:
    """The Euclidean norm that holds for each tensor, its own or that of all: float64 scalars on the device."""
    own = list(torch._foreach_norm(tensors, 2, dtype=torch.float64))
    if scope == "layer":
        return own
    return [torch.linalg.vector_norm(torch.stack(own))] * len(own)


def directions(gradients: list[Tensor], scope: str) -> list[Tensor]:
    """g / ||g||, shaped like the gradients; zero where the gradient is, NaN where it is not finite."""
    lengths = torch._foreach_clamp_min(norms(gradients, scope), _TINY)
    return list(torch._foreach_div(gradients, lengths))


def _checked(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError(f"scope must be {' or '.join(map(repr, SCOPES))}, not {scope!r}")
    return scope


def _groups_with_gradients(
    optimizer: optim.Optimizer,
) -> Iterator[tuple[dict[str, Any], list[Tensor], list[Tensor]]]:
    """Each group of parameters with those of them that have a gradient, and these gradients."""
    for group in optimizer.param_groups:
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if weights:
            yield group, weights, [weight.grad for weight in weights]
