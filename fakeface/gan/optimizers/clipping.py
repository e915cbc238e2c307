"""Gradient clipping, for any optimizer. Nothing here waits for the device."""

import torch
from torch import Tensor


def clip_gradients(parameters: list[Tensor], *, norm: float | None, value: float | None) -> None:
    """Clip the gradients in place, first by their norm, then by coordinate; None: not.

    Args:
        norm: largest norm of all gradients together (Pascanu et al. 2013, arXiv 1211.5063):
            g <- g min(1, norm / (||g|| + 1e-6)), as in `torch.nn.utils.clip_grad_norm_`.
        value: largest magnitude of a coordinate: g <- min(max(g, -value), value).
    """
    if norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters, norm)
    if value is not None:
        torch.nn.utils.clip_grad_value_(parameters, value)
