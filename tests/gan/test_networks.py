"""DCGAN's architecture and initial weights."""

import pytest
import torch
from torch import nn

from fakeface.config import TrainingConfig
from fakeface.gan.networks import NETWORKS
from fakeface.gan.step import GanState
from fakeface.randomness import stream

CPU = torch.device("cpu")


def config(**settings: object) -> TrainingConfig:
    return TrainingConfig(**settings)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_at_64_pixels_the_networks_have_the_papers_parameter_counts():
    generator, discriminator = NETWORKS["dcgan"](config())
    assert (count(generator), count(discriminator)) == (3_576_704, 2_765_568)


def test_dcgan_weights_have_the_papers_moments():
    state = GanState.create(config(init="dcgan"), 0, CPU)
    for network in (state.generator, state.discriminator):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert module.weight.mean().item() == pytest.approx(0, abs=2e-3)
            elif isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.35)
                assert module.bias.abs().max() == 0


def test_pytorch_weights_are_what_the_framework_draws():
    state = GanState.create(config(), 3, CPU)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(stream("weights", 3).get_state())
        expected = NETWORKS["dcgan"](config()).generator.state_dict()
    for name, tensor in state.generator.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0)


def test_creating_networks_leaves_the_global_generator_alone():
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    GanState.create(config(network={"width": 4}), 0, CPU)
    assert torch.equal(torch.rand(1), expected)
