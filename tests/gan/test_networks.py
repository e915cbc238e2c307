"""The architectures, their initial weights, and spectral normalisation."""

import copy
import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from fakeface.config import TrainingConfig
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from fakeface.gan.initializers import INITIALIZERS, plain_parameters
from fakeface.gan.networks import NETWORKS, Networks, check_shapes
from fakeface.gan.step import GanState
from fakeface.randomness import stream
from tests.gan.test_training import digest, run, saved_and_resumed, tiny

CPU = torch.device("cpu")


def config(**settings: object) -> TrainingConfig:
    return TrainingConfig(**settings)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_at_64_pixels_the_networks_have_the_papers_parameter_counts():
    generator, discriminator = NETWORKS["dcgan"](config())
    assert (count(generator), count(discriminator)) == (3_576_704, 2_765_568)


@pytest.mark.parametrize(
    ("size", "of_g", "of_d"),
    [(32, 4_276_739, 1_053_825), (64, 12_220_675, 10_141_441), (128, 32_150_787, 29_017_857)],
)
def test_the_residual_networks_have_the_papers_sizes(size: int, of_g: int, of_d: int):
    """Sums by hand over the tables: at 32, D's blocks have 151,680, 311,680 and twice 295,168, its linear layer 129."""
    networks = NETWORKS["sngan-resnet"](config(data={"image_size": size}, network={"latent_dim": 128}))
    assert tuple(map(count, networks)) == (of_g, of_d)


def test_a_residual_block_adds_its_shortcut_and_a_generators_doubles_by_repeating_pixels():
    small = config(data={"image_size": 32}, network={"width": 2})
    generator, discriminator = NETWORKS["sngan-resnet"](small, spectral_norm=False)
    for network in (generator, discriminator):
        for name, parameter in network.blocks[0].named_parameters():
            nn.init.constant_(parameter, 1.0 if name == "shortcut.weight" else 0.0)
    x = torch.randn(2, 8, 4, 4)
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3).sum(1, keepdim=True).expand(-1, 8, -1, -1)
    torch.testing.assert_close(generator.blocks[0](x), doubled)
    images = torch.randn(2, 3, 32, 32)
    halved = images.unflatten(2, (16, 2)).unflatten(4, (16, 2)).mean((3, 5)).sum(1, keepdim=True)
    torch.testing.assert_close(discriminator.blocks[0](images), halved.expand(-1, 4, -1, -1))


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_without_batch_norm_a_bias_takes_its_place(network: str):
    options = {"batch_norm_G": False, "batch_norm_D": False}
    usual, bare = (getattr(NETWORKS["dcgan"](config(), **o), network) for o in ({}, options))
    norms = [m for m in usual.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in bare.modules())
    biases = [m.bias for m in bare.modules() if getattr(m, "bias", None) is not None]
    assert [len(b) for b in biases] == [m.num_features for m in norms]
    assert count(usual) - count(bare) == sum(map(len, biases))


def test_an_option_changes_one_network_and_nothing_of_the_other():
    usual = NETWORKS["dcgan"](config())
    for options, same in (({"batch_norm_G": False}, "discriminator"), ({"spectral_norm": True}, "generator")):
        other = NETWORKS["dcgan"](config(), **options)
        assert getattr(other, same).state_dict().keys() == getattr(usual, same).state_dict().keys()
        assert str(other) != str(usual)


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


# -- spectral normalisation ----------------------------------------------------------------------------------------


def normalised_layers(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if parametrize.is_parametrized(module)]


def largest_singular_value(layer: nn.Module) -> float:
    return torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()


NORMALISED = {
    "dcgan": {"name": "dcgan", "width": 4, "options": {"spectral_norm": True}},
    "sngan-resnet": {"name": "sngan-resnet", "width": 4},
}


@pytest.mark.parametrize("init", list(INITIALIZERS))
@pytest.mark.parametrize("name", NORMALISED)
def test_every_weight_of_a_normalised_discriminator_starts_with_singular_value_one(name: str, init: str):
    state = GanState.create(config(network=NORMALISED[name], init=init), 0, CPU)
    weighted = [m for m in state.discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert normalised_layers(state.discriminator) == weighted
    assert not normalised_layers(state.generator)
    for layer in weighted:
        assert largest_singular_value(layer) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("name", NORMALISED)
def test_an_initializer_sets_the_weight_that_is_normalised(name: str):
    state = GanState.create(config(network=NORMALISED[name], init="dcgan"), 0, CPU)
    stored = [
        layer.parametrizations.weight.original.detach() for layer in normalised_layers(state.discriminator)
    ]
    flat = torch.cat([weight.flatten() for weight in stored])
    assert flat.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    "parametrised",
    [parametrizations.spectral_norm, parametrizations.weight_norm, parametrizations.orthogonal],
)
def test_any_initializer_reaches_the_weight_behind_any_of_torchs_parametrisations(parametrised):
    layer = parametrised(nn.Linear(5, 5))
    with plain_parameters(nn.Sequential(layer)):
        assert isinstance(layer.weight, nn.Parameter)
        nn.init.orthogonal_(layer.weight)
        drawn = layer.weight.detach().clone()
    assert parametrize.is_parametrized(layer, "weight")
    torch.testing.assert_close(layer.weight, drawn, rtol=1e-3, atol=1e-4)


def test_parametrised_networks_copy_and_keep_their_layout():
    state = GanState.create(config(network=NORMALISED["dcgan"]), 0, CPU)
    first = normalised_layers(state.discriminator)[1]
    assert first.parametrizations.weight.original.is_contiguous(memory_format=torch.channels_last)
    other = copy.deepcopy(state.discriminator)
    assert checkpoints.weights_sha256(other) == checkpoints.weights_sha256(state.discriminator)
    other(torch.zeros(2, 3, 64, 64))  # a power iteration changes its statistics alone
    assert checkpoints.weights_sha256(other) != checkpoints.weights_sha256(state.discriminator)


@pytest.mark.parametrize("name", NORMALISED)
def test_a_normalised_gan_trains_is_probed_and_resumes_with_the_same_bits(tmp_path: Path, name: str):
    settings = tiny(network={**NORMALISED[name], "latent_dim": 8}, init="dcgan")
    whole, blocks = run(settings, 10)
    assert blocks[-1].probe_steps == [10]
    before = GanState.create(settings, 0, CPU)
    moved = [
        torch.cat([p.detach().flatten() for p in state.discriminator.parameters()])
        for state in (before, whole)
    ]
    assert not torch.equal(*moved)
    assert 0 < blocks[-1].probes["update_ratio_D"][0] < 0.1
    assert blocks[-1].probes["grad_norm_D"][0] > 0
    resumed = saved_and_resumed(settings, tmp_path / "c.pt", 4, 10)
    assert digest(resumed) == digest(whole)
    for layer in normalised_layers(whole.discriminator):
        assert largest_singular_value(layer) < 1.5


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (
            (3, 16, 16),
            "network 'dcgan': G returns a tensor of shape (2, 3, 16, 16) for a batch of 2, and must return",
        ),
        ((1, 32, 32), "network 'dcgan': G returns a tensor of shape (2, 1, 32, 32)"),
        (
            (3, 32, 32),
            "network 'dcgan': D returns a tensor of shape (2, 1) for a batch of 2, and must return (2,)",
        ),
    ],
)
def test_networks_with_outputs_of_other_shapes_are_refused(outputs: tuple[int, ...], words: str):
    generator = nn.Sequential(nn.Linear(8, math.prod(outputs)), nn.Unflatten(1, outputs))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1))
    settings = config(data={"image_size": 32}, network={"latent_dim": 8})
    with pytest.raises(UserError, match=re.escape(words)):
        check_shapes(Networks(generator, discriminator), settings)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_checking_shapes_changes_nothing(name: str):
    settings = config(network={"name": name})
    networks = NETWORKS.build(name, {}, settings)
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    state = torch.get_rng_state()
    check_shapes(networks, settings)
    assert torch.equal(torch.get_rng_state(), state)
    for network, weights in zip(networks, before, strict=True):
        assert network.training
        assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
