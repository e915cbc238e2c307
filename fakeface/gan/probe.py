"""What is measured of some steps: gradient norms, and how far the weights move."""

from typing import Literal

import torch
from torch import Tensor, nn

from fakeface.gan.series import GRAD_NORM, PROBE_SERIES, UPDATE_RATIO

NetworkName = Literal["G", "D"]


class Probe:
    """Measures one step: ||gradient|| before clipping, and ||update|| / ||weights||, of each network.

    Call `see_gradient` in the step, once the gradients of a network are there, and `measure` after it. With several
    steps of D, its gradient is that of the last one and its update that of all.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        self.networks: dict[NetworkName, nn.Module] = {"G": generator, "D": discriminator}
        self.before = {
            name: [p.detach().clone() for p in network.parameters()]
            for name, network in self.networks.items()
        }
        self.gradients: dict[NetworkName, Tensor] = {}

    def see_gradient(self, name: NetworkName) -> None:
        """Measure the gradient that a network's weights hold."""
        parameters = self.networks[name].parameters()
        self.gradients[name] = torch.nn.utils.get_total_norm(
            [p.grad for p in parameters if p.grad is not None]
        )

    def measure(self) -> Tensor:
        """The PROBE_SERIES after the step, shape (4,), on the device."""
        ratios = {}
        for name, network in self.networks.items():
            now = [p.detach() for p in network.parameters()]
            moved = torch.nn.utils.get_total_norm(torch._foreach_sub(now, self.before[name]))
            ratios[name] = moved / torch.nn.utils.get_total_norm(self.before[name])
        values = {GRAD_NORM[name]: norm for name, norm in self.gradients.items()}
        values |= {UPDATE_RATIO[name]: ratio for name, ratio in ratios.items()}
        return torch.stack([values[name] for name in PROBE_SERIES])
