"""Normalised steps, w <- w - length * g / ||g||: the gradient decides their direction, but not their length.

The norm runs over a *scope*: `network`, all tensors of a network together, so that they keep their proportions; or
`layer`, each tensor by itself. It is computed in float64, where the square of no float32 gradient overflows or
vanishes: a discriminator that has won sends gradients of 1e-25, which still have a direction. A gradient of exactly
zero has none and moves nothing. Nothing here waits for the device.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, optim

from fakeface.gan.optimizers._base import OPTIMIZERS
from fakeface.gan.optimizers._stepping import adam_directions, groups_with_gradients

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
        for group, weights, gradients in groups_with_gradients(self):
            torch._foreach_add_(weights, directions(gradients, group["scope"]), alpha=-group["lr"])


@OPTIMIZERS.register("adam-magnitude")
class AdamMagnitude(optim.Optimizer):
    """Adam's step length on SGD's direction, by grafting (Agarwal et al. 2020, arXiv 2002.11803; in GANs, Jelassi).

    w <- w - lr ||m^ / (sqrt v^ + 1e-8)|| g / ||g||, with Adam's m^ and v^.

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
        for group, weights, gradients in groups_with_gradients(self):
            lengths = norms(adam_directions(self, weights, gradients, group["betas"]), group["scope"])
            moves = directions(gradients, group["scope"])
            torch._foreach_mul_(moves, lengths)
            torch._foreach_add_(weights, moves, alpha=-group["lr"])


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
