"""The networks of DCGAN (Radford, Metz & Chintala 2016, arXiv 1511.06434), after PyTorch's `examples/dcgan`.

Convolutions k4 s2 p1 without bias, BatchNorm in all layers but G's last and D's first and last, ReLU in G,
LeakyReLU(0.2) in D. D returns logits: the sigmoid belongs to the loss.
"""

from itertools import pairwise

from torch import Tensor, nn

from fakeface.config import TrainingConfig
from fakeface.gan.networks._base import NETWORKS, Networks, normalised


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
        batch_norm: False: a bias in the place of each BatchNorm.
    """

    def __init__(
        self, *, image_size: int, latent_dim: int, width: int, channels: int, batch_norm: bool = True
    ) -> None:
        super().__init__()
        maps = feature_maps(image_size, width)[::-1]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, maps[0], 4, 1, 0, bias=not batch_norm)]
        for before, after in pairwise(maps):
            layers += [*_batch_norm(before, batch_norm), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=not batch_norm)]
        layers += [*_batch_norm(maps[-1], batch_norm), nn.ReLU(inplace=True)]
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
        batch_norm: False: a bias in the place of each BatchNorm.
        spectral_norm: spectral normalisation of every convolution.
    """

    def __init__(
        self,
        *,
        image_size: int,
        width: int,
        channels: int,
        batch_norm: bool = True,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        maps = feature_maps(image_size, width)
        layers: list[nn.Module] = [nn.Conv2d(channels, maps[0], 4, 2, 1, bias=False)]
        for before, after in pairwise(maps):
            layers += [
                nn.LeakyReLU(0.2, inplace=True),
                nn.Conv2d(before, after, 4, 2, 1, bias=not batch_norm),
            ]
            layers += _batch_norm(after, batch_norm)
        layers += [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(maps[-1], 1, 4, 1, 0, bias=False)]
        self.layers = nn.Sequential(
            *(normalised(layer, spectral_norm and isinstance(layer, nn.Conv2d)) for layer in layers)
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits.flatten()


def _batch_norm(maps: int, wanted: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(maps)] if wanted else []


@NETWORKS.register("dcgan")
def dcgan(
    config: TrainingConfig,
    *,
    batch_norm_G: bool = True,
    batch_norm_D: bool = True,
    spectral_norm: bool = False,
) -> Networks:
    """The paper's pair; at 64 x 64 and width 64, 3,576,704 and 2,765,568 parameters.

    Args:
        batch_norm_G: False: a bias in the place of each of G's BatchNorms.
        batch_norm_D: the same for D.
        spectral_norm: spectral normalisation of D (Miyato et al. 2018, arXiv 1802.05957, who leave out its BatchNorm).
    """
    size, channels, network = config.data.image_size, config.data.channels, config.network
    return Networks(
        Generator(
            image_size=size,
            latent_dim=network.latent_dim,
            width=network.width,
            channels=channels,
            batch_norm=batch_norm_G,
        ),
        Discriminator(
            image_size=size,
            width=network.width,
            channels=channels,
            batch_norm=batch_norm_D,
            spectral_norm=spectral_norm,
        ),
    )
