"""Torch's own optimizers."""

from collections.abc import Iterable

from torch import Tensor, optim

from fakeface.gan.optimizers._base import OPTIMIZERS


@OPTIMIZERS.register("adam")
def adam(parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float]) -> optim.Optimizer:
    """Adam (Kingma & Ba 2015): m <- b1 m + (1-b1) g, v <- b2 v + (1-b2) g^2, w <- w - lr m^ / (sqrt v^ + 1e-8)."""
    return optim.Adam(parameters, lr=lr, betas=betas, fused=True)


@OPTIMIZERS.register("adamw")
def adamw(
    parameters: Iterable[Tensor], *, lr: float, betas: tuple[float, float], weight_decay: float = 0.01
) -> optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101): w <- (1 - lr weight_decay) w, then Adam's step."""
    return optim.AdamW(parameters, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)


@OPTIMIZERS.register("sgd")
def sgd(
    parameters: Iterable[Tensor], *, lr: float, momentum: float, nesterov: bool = False
) -> optim.Optimizer:
    """Stochastic gradient descent: b <- momentum b + g, w <- w - lr b (Nesterov: w <- w - lr (g + momentum b))."""
    return optim.SGD(parameters, lr=lr, momentum=momentum, nesterov=nesterov, fused=True)


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    parameters: Iterable[Tensor], *, lr: float, momentum: float, alpha: float = 0.99
) -> optim.Optimizer:
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5): v <- alpha v + (1-alpha) g^2, w <- w - lr g / (sqrt v + 1e-8).

    With momentum: b <- momentum b + g / (sqrt v + 1e-8), w <- w - lr b. Raises ValueError unless 0 <= alpha < 1.
    """
    if not 0 <= alpha < 1:  # torch lets larger ones pass, which make v negative
        raise ValueError(f"alpha must be at least 0 and less than 1, not {alpha}")
    return optim.RMSprop(parameters, lr=lr, momentum=momentum, alpha=alpha)
