"""A user's own file: one of each kind of component, registered as the product registers its own."""
# ruff: noqa: ARG001, ARG002

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn, optim

from ablations.executors import EXECUTORS
from ablations.executors.serial import Serial
from analysis.claims import KINDS, Kind, RunField
from analysis.claims.metrics import MetricField, parse_metric
from analysis.claims.values import values_of
from analysis.statistics import Region, share
from fakeface.config import DataConfig, TrainingConfig
from fakeface.data import DATASETS, Batch, Source
from fakeface.evaluation.extractors import EXTRACTORS, Extractor
from fakeface.evaluation.measures import MEASURES
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.losses import LOSSES, GanLoss
from fakeface.gan.networks import NETWORKS, Networks
from fakeface.gan.optimizers import OPTIMIZERS
from fakeface.measures import Better


@OPTIMIZERS.register("my-adagrad")
def my_adagrad(parameters, *, lr):
    return optim.Adagrad(parameters, lr=lr)


@INITIALIZERS.register("my-orthogonal")
def my_orthogonal(network, generator):
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.orthogonal_(module.weight, generator=generator)


class Pictures(nn.Module):
    def __init__(self, latent_dim, shape):
        super().__init__()
        self.layer, self.shape = nn.Linear(latent_dim, int(np.prod(shape))), shape

    def forward(self, z):
        return self.layer(z).tanh().reshape(-1, *self.shape)


class Verdict(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.layer = nn.Linear(int(np.prod(shape)), 1)

    def forward(self, images):
        return self.layer(images.flatten(1)).flatten()


@NETWORKS.register("my-linear")
def my_linear(config: TrainingConfig) -> Networks:
    shape = (config.data.channels, config.data.image_size, config.data.image_size)
    return Networks(Pictures(config.network.latent_dim, shape), Verdict(shape))


@LOSSES.register("my-least-squares")
class LeastSquares(GanLoss):
    """LSGAN (Mao et al. 2017, arXiv 1611.04076) with targets 1 and 0."""

    boundary = 0.5

    def discriminator(self, batch):
        return (batch.real_outputs - 1).square().mean() / 2, batch.fake_outputs.square().mean() / 2

    def generator(self, batch):
        return (batch.fake_outputs - 1).square().mean() / 2


@dataclass(frozen=True)
class Stripes(Source):
    count: int
    description = "stripes"

    def items(self):
        return tuple(str(i) for i in range(self.count))

    def read(self, items, size, channels):
        random = np.random.default_rng(int(items[0]))
        rows = random.integers(0, 255, (len(items), size, 1, channels))
        return Batch(np.broadcast_to(rows, (len(items), size, size, channels)).astype(np.uint8), ())


@DATASETS.register("my-stripes")
class StripesData:
    def decides(self, config: DataConfig):
        return {"count": config.count}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool):
        return Stripes(config.count)


@EXTRACTORS.register("my-pixels")
class MyPixels(Extractor):
    name = "my-pixels"
    metric = "fd_my_pixels"
    dimension = 16
    weights_sha256 = ""
    protocol = {"extractor": "my-pixels"}  # noqa: RUF012

    def __init__(self, weights_path=None, device="cpu"):
        super().__init__(weights_path, device)

    def _forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().flatten(1)[:, :: pixels[0].numel() // 16]


@MEASURES.register("my_brightness", heading="brightness", better=Better.HIGHER, of_pixels=True)
def my_brightness(samples, reference):
    return float(samples.images.mean())


@EXECUTORS.register("my-executor")
class MyExecutor(Serial):
    """As simple as one gets: another name."""


@KINDS.register("my-beats")
class MyBeats(Kind):
    """A run is ahead of another one in most seeds."""

    run: RunField
    against: RunField
    metric: MetricField

    @property
    def compared(self):
        return parse_metric(self.metric)

    @property
    def region(self):
        return Region(0.5, math.inf)

    def groups(self, evidence):
        return values_of(evidence.frames, self.named_runs, self.compared)

    def point(self, groups):
        wins = [a < b for a, b in zip(*(group.by_seed for group in groups), strict=True)]
        return sum(wins) / len(wins)

    def effects(self, groups, level):
        count = len(groups[0].values)
        return [share(round(self.point(groups) * count), count, level=level)]

    def sentence(self, groups):
        return f"{groups[0].name} is ahead of {groups[1].name}"
