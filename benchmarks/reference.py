"""The named reference: the report's loop, as its course's scaffold ran it, on our networks.

Contiguous memory, a sigmoid and BCELoss, the default Adam, D's weight gradients computed in G's half too, and `.item()`
of every loss at every step.
"""

import torch
from torch import Tensor, nn

from fakeface.config import TrainingConfig
from fakeface.gan.networks import NETWORKS


class ReportLoop:
    """One GAN with its two optimizers."""

    def __init__(self, config: TrainingConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        networks = NETWORKS[config.network.name](config)
        self.g, self.d = networks.generator.to(device), networks.discriminator.to(device)
        lr, betas = config.optimizer.lr, config.optimizer.betas
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=lr, betas=betas)
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=lr, betas=betas)
        self.criterion = nn.BCELoss()

    def step(self, real: Tensor) -> tuple[float, float, float, float, float]:
        """(Loss_D, Loss_G, D(x), D(G(z)) before and after) of one step on real images (B, C, H, W)."""
        real = real.to(self.device).contiguous()
        batch = len(real)
        ones, zeros = torch.ones(batch, device=self.device), torch.zeros(batch, device=self.device)
        self.d.zero_grad()
        of_real = torch.sigmoid(self.d(real))
        loss_real = self.criterion(of_real, ones)
        loss_real.backward()
        d_x = of_real.mean().item()
        fakes = self.g(torch.randn(batch, self.config.network.latent_dim, device=self.device))
        of_fake = torch.sigmoid(self.d(fakes.detach()))
        loss_fake = self.criterion(of_fake, zeros)
        loss_fake.backward()
        before = of_fake.mean().item()
        self.opt_d.step()
        self.g.zero_grad()
        of_fake = torch.sigmoid(self.d(fakes))
        loss_g = self.criterion(of_fake, ones)
        loss_g.backward()
        after = of_fake.mean().item()
        self.opt_g.step()
        return (loss_real + loss_fake).item(), loss_g.item(), d_x, before, after
