"""The residual networks of SNGAN (Miyato, Kataoka, Koyama & Yoshida 2018, arXiv 1802.05957), after the authors' code.

Convolutions k3 s1 p1 with bias and shortcuts k1, BatchNorm in G alone, spectral normalisation of every layer of D. G's
blocks double the resolution by repeating pixels, D's halve it by average pooling. D sums its last features over the
pixels and returns logits. The code is `pfnet-research/sngan_projection`.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from fakeface.config import TrainingConfig
from fakeface.gan.networks._base import NETWORKS, Networks, normalised


@dataclass(frozen=True)
class Shape:
    """Feature maps, as multiples of the width, and how many of D's blocks, from the first on, halve the resolution."""

    of_g: tuple[int, ...]
    """Of the linear layer, and of each block from 4 x 4 on."""
    of_d: tuple[int, ...]
    """Of each block, from the image on."""
    halvings: int


SHAPES = {
    32: Shape((4, 4, 4, 4), (2, 2, 2, 2), 2),
    64: Shape((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 5),
    128: Shape((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}
"""By the size of the image: the paper's tables 4 and 6, and for 64 x 64 the code. All have width 64."""


class GeneratorBlock(nn.Module):
    """(B, before, H, W) -> (B, after, 2 H, 2 W): twice BatchNorm, ReLU and a convolution."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.BatchNorm2d(before), nn.BatchNorm2d(after)
        self.convolution_1 = nn.Conv2d(before, after, 3, padding=1)
        self.convolution_2 = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution_1(interpolate(relu(self.norm_1(x)), scale_factor=2.0))
        total: Tensor = self.convolution_2(relu(self.norm_2(h))) + self.shortcut(
            interpolate(x, scale_factor=2.0)
        )
        return total


class Generator(nn.Module):
    """z (B, latent_dim) -> images (B, channels, image_size, image_size) in [-1, 1].

    Args:
        maps: feature maps of the linear layer, 4 x 4, and of each block, which doubles the resolution.
        latent_dim: length of z.
        channels: of the images.
    """

    def __init__(self, *, maps: list[int], latent_dim: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent_dim, maps[0] * 4 * 4)
        self.blocks = nn.Sequential(*(GeneratorBlock(before, after) for before, after in pairwise(maps)))
        self.to_image = nn.Sequential(
            nn.BatchNorm2d(maps[-1]),
            nn.ReLU(inplace=True),
            nn.Conv2d(maps[-1], channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.to_image(self.blocks(self.linear(z).unflatten(1, (-1, 4, 4))))
        return images


class DiscriminatorBlock(nn.Module):
    """(B, before, H, W) -> (B, after, H, W), or half the height and width: twice ReLU and a convolution.

    Args:
        halve: average pooling at the end.
        first: the input is an image, which goes without the first ReLU.
        spectral_norm: spectral normalisation of each convolution.
    """

    def __init__(self, before: int, after: int, *, halve: bool, first: bool, spectral_norm: bool) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        between = after if first else before
        self.convolution_1 = normalised(nn.Conv2d(before, between, 3, padding=1), spectral_norm)
        self.convolution_2 = normalised(nn.Conv2d(between, after, 3, padding=1), spectral_norm)
        self.shortcut = (
            normalised(nn.Conv2d(before, after, 1), spectral_norm)
            if halve or before != after
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution_2(relu(self.convolution_1(x if self.first else relu(x))))
        total: Tensor = h + self.shortcut(
            x
        )  # a k1 convolution and average pooling give the same in either order
        return avg_pool2d(total, 2) if self.halve else total


class Discriminator(nn.Module):
    """Images (B, channels, image_size, image_size) -> logits (B,), positive for real.

    Args:
        maps: feature maps of each block.
        halvings: how many blocks, from the first on, halve the resolution.
        channels: of the images.
        spectral_norm: spectral normalisation of every layer.
    """

    def __init__(self, *, maps: list[int], halvings: int, channels: int, spectral_norm: bool = True) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                DiscriminatorBlock(
                    before, after, halve=i < halvings, first=i == 0, spectral_norm=spectral_norm
                )
                for i, (before, after) in enumerate(pairwise([channels, *maps]))
            )
        )
        self.linear = normalised(nn.Linear(maps[-1], 1), spectral_norm)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(relu(self.blocks(images)).sum(dim=(2, 3)))
        return logits.flatten()


@NETWORKS.register("sngan-resnet")
def sngan_resnet(config: TrainingConfig, *, spectral_norm: bool = True) -> Networks:
    """The paper's pair for images of CIFAR-10 at 32 x 32 and of ImageNet at 128 x 128, and the code's at 64 x 64.

    The paper's sizes are those at width 64, with a latent vector of length 128.

    Args:
        spectral_norm: False: D without any normalisation.
    """
    shape, channels, network = SHAPES[config.data.image_size], config.data.channels, config.network
    return Networks(
        Generator(
            maps=[network.width * multiple for multiple in shape.of_g],
            latent_dim=network.latent_dim,
            channels=channels,
        ),
        Discriminator(
            maps=[network.width * multiple for multiple in shape.of_d],
            halvings=shape.halvings,
            channels=channels,
            spectral_norm=spectral_norm,
        ),
    )
