"""The named reference: the loop of PyTorch's `examples/dcgan`, as a textbook writes it, on our networks.

Contiguous memory, the default Adam, D's weight gradients computed in G's half too, and `.item()` at every step.
"""

import torch
from torch import nn

from fakeface.config import TrainingConfig
from fakeface.gan.batches import RealImages
from fakeface.gan.networks import NETWORKS


class TextbookLoop:
    """One GAN with its two optimizers."""

    def __init__(self, config: TrainingConfig, real: RealImages, device: torch.device) -> None:
        self.config, self.real, self.device = config, real, device
        networks = NETWORKS[config.network.name](config)
        self.g, self.d = networks.generator.to(device), networks.discriminator.to(device)
        lr, betas = config.optimizer.lr, config.optimizer.betas
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=lr, betas=betas)
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=lr, betas=betas)
        self.criterion = nn.BCEWithLogitsLoss()
        self.number = 0

    def step(self) -> tuple[float, float]:
        """(Loss_D, Loss_G) of one step."""
        batch = self.config.train.batch_size
        ones, zeros = torch.ones(batch, device=self.device), torch.zeros(batch, device=self.device)
        real = self.real.batch(self.number).contiguous()
        self.number += 1
        self.opt_d.zero_grad()
        loss_real = self.criterion(self.d(real), ones)
        loss_real.backward()
        fakes = self.g(torch.randn(batch, self.config.network.latent_dim, device=self.device))
        loss_fake = self.criterion(self.d(fakes.detach()), zeros)
        loss_fake.backward()
        self.opt_d.step()
        self.opt_g.zero_grad()
        loss_g = self.criterion(self.d(fakes), ones)
        loss_g.backward()
        self.opt_g.step()
        return loss_real.item() + loss_fake.item(), loss_g.item()
