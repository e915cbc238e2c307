"""The networks of DCGAN (Radford, Metz & Chintala 2016, arXiv 1511.06434), after PyTorch's `examples/dcgan`.

Convolutions k4 s2 p1 without bias, BatchNorm in all layers but G's last and D's first and last, ReLU in G,
LeakyReLU(0.2) in D. D returns logits: the sigmoid belongs to the loss.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from fakeface.config import TrainingConfig
from fakeface.registry import Registry


class Networks(NamedTuple):
    """The two players. G: (B, latent_dim) -> (B, C, H, W) in [-1, 1]; D: (B, C, H, W) -> logits (B,)."""

    generator: nn.Module
    discriminator: nn.Module


NETWORKS: Registry[Callable[..., Networks]] = Registry("network", given=1)
"""Called with a `TrainingConfig`. Their further arguments are options."""


def feature_maps(image_size: int, width: int) -> list[int]:
    """Feature maps from the image side inwards: one per resolution from image_size / 2 down to 4 x 4."""
    return [width * 2**i for i in range(image_size.bit_length() - 3)]


class Generator(nn.Module):
    """z (B, latent_dim) -> images (B, channels, image_size, image_size) in [-1, 1].

    Args:
        image_size: 32, 64 or 128 (any power of two from 8 works).
        latent_dim: length of z.
        width: feature maps of the layer next to the image, doubled at each halving of the resolution.
        channels: of the images.
    """

    def __init__(self, *, image_size: int, latent_dim: int, width: int, channels: int) -> None:
        super().__init__()
        maps = feature_maps(image_size, width)[::-1]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, maps[0], 4, 1, 0, bias=False)]
        for before, after in pairwise(maps):
            layers += [nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(maps[-1]), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(maps[-1], channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layers(z[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Images (B, channels, image_size, image_size) -> logits (B,), positive for real.

    Args:
        image_size: 32, 64 or 128 (any power of two from 8 works).
        width: feature maps of the first layer, doubled at each halving of the resolution.
        channels: of the images.
    """

    def __init__(self, *, image_size: int, width: int, channels: int) -> None:
        super().__init__()
        maps = feature_maps(image_size, width)
        layers: list[nn.Module] = [nn.Conv2d(channels, maps[0], 4, 2, 1, bias=False)]
        for before, after in pairwise(maps):
            layers += [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after)]
        layers += [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(maps[-1], 1, 4, 1, 0, bias=False)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits.flatten()


@NETWORKS.register("dcgan")
def dcgan(config: TrainingConfig) -> Networks:
    """The paper's pair; at 64 x 64 and width 64, 3,576,704 and 2,765,568 parameters."""
    size, channels, network = config.data.image_size, config.data.channels, config.network
    return Networks(
        Generator(image_size=size, latent_dim=network.latent_dim, width=network.width, channels=channels),
        Discriminator(image_size=size, width=network.width, channels=channels),
    )
