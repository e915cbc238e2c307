"""The exponential moving average of a network's weights (in GANs, Yazici et al. 2019, arXiv 1806.04498)."""

import torch
from torch import nn


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, decay: float) -> None:
    """a <- decay a + (1 - decay) w for each weight and statistic of `average`, a copy of `network`."""
    own, new = list(average.state_dict().values()), list(network.state_dict().values())
    fractions = [index for index, tensor in enumerate(own) if tensor.is_floating_point()]
    torch._foreach_lerp_([own[i] for i in fractions], [new[i] for i in fractions], 1 - decay)
    for before, now in zip(own, new, strict=True):
        if not before.is_floating_point():
            before.copy_(now)
