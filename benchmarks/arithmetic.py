"""How near a GAN step and its convolutions come to the rate of a matrix product on the same cores."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.ratio import Ratio, of_pairs, seconds_of
from benchmarks.steps import our_stepper, setting
from fakeface.gan.networks import NETWORKS, Networks

SIDE = 2048
"""Of the square matrices whose product is the reference."""


def bench_arithmetic(size: int, width: int, pairs: int, device: torch.device) -> Iterator[Ratio]:
    """A step, and its convolutions alone, against matrix products of as many operations: the ratio is the share of
    their rate that is reached. Operations are additions and multiplications of convolutions and matrix products."""
    config = setting(size, width=width)
    step = our_stepper(config, device)
    shape = f"{size}x{size}, width {width}, batch {config.train.batch_size}"
    yield _against_product(f"GAN step at {shape}", step, pairs)
    built = NETWORKS[config.network.name](config)
    noise = torch.randn(config.train.batch_size, config.network.latent_dim)
    yield _against_product(f"its convolutions alone at {shape}", _convolutions(built, noise), pairs)


def _against_product(case: str, ours: Callable[[], object], pairs: int) -> Ratio:
    ours()  # the first call prepares
    with FlopCounterMode(display=False) as counter:
        ours()
    operations = counter.get_total_flops()
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    repeats = max(1, round(operations / (2 * SIDE**3)))

    def product() -> None:
        for _ in range(repeats):
            torch.mm(left, right)

    product()
    scale = operations / (repeats * 2 * SIDE**3)
    times = [(seconds_of(ours), scale * seconds_of(product)) for _ in range(pairs)]
    found = of_pairs(case, "a matrix product of as many operations", times)
    reached, possible = (operations / time / 1e9 for time in (found.seconds, found.reference_seconds))
    return replace(found, case=f"{case}, {reached:.0f} of {possible:.0f} GFLOP/s")


def _convolutions(built: Networks, noise: Tensor) -> Callable[[], None]:
    """Forward and backward of every convolution of both networks by itself, in the layout in which they train."""
    calls: list[tuple[nn.Module, Tensor]] = []
    networks = [
        network.to(memory_format=torch.channels_last) for network in (built.generator, built.discriminator)
    ]
    layers = [
        layer
        for network in networks
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: calls.append((layer, inputs[0].detach())))
        for layer in layers
    ]
    with torch.no_grad():
        networks[1](networks[0](noise))
    for hook in hooks:
        hook.remove()
    runs = []
    for layer, images in calls:
        images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
        runs.append((layer, images, torch.randn_like(layer(images))))

    def run() -> None:
        for layer, images, gradient in runs:
            layer(images).backward(gradient)

    return run
