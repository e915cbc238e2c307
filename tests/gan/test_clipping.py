"""Gradient clipping: what it does to a gradient, to either network's step, and what is logged."""

import pytest
import torch
from torch import Tensor

from ablations.jobs.components import resolved_settings
from fakeface.config import TrainingConfig, changed_settings
from fakeface.gan.objective import Objective
from fakeface.gan.optimizers import OPTIMIZERS, build_optimizer
from fakeface.gan.optimizers.clipping import clip_gradients
from fakeface.gan.probe import Probe
from fakeface.gan.series import PROBE_SERIES
from fakeface.gan.step import GanState, gan_step
from tests.gan.test_optimizers import follow, ones_like, variant
from tests.gan.test_training import CPU, digest, real_images, run, tiny

GRADIENTS = [torch.tensor([3.0, -4.0]), torch.tensor([12.0])]
"""Their norm is 13."""


@pytest.mark.parametrize(
    ("norm", "value", "expected"),
    [
        (None, None, [3.0, -4.0, 12.0]),
        (13.5, None, [3.0, -4.0, 12.0]),
        (6.5, None, [1.5, -2, 6]),
        (None, 3.5, [3, -3.5, 3.5]),
        (6.5, 1.75, [1.5, -1.75, 1.75]),
    ],
)
def test_a_gradient_is_clipped_by_its_norm_over_all_weights_and_then_by_coordinate(
    norm: float | None, value: float | None, expected: list[float]
):
    weights = [*ones_like(GRADIENTS), torch.ones(1, requires_grad=True)]  # the last has no gradient
    for weight, gradient in zip(weights, GRADIENTS, strict=False):
        weight.grad = gradient.clone()
    clip_gradients(weights, norm=norm, value=value)
    torch.testing.assert_close(torch.cat([w.grad for w in weights[:2]]), torch.tensor(expected))


def clipped(**settings: object) -> TrainingConfig:
    return tiny(optimizer=settings)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_steps_along_the_clipped_gradient(name: str):
    def step(gradient: Tensor, clip_norm: float | None) -> Tensor:
        weights = ones_like([gradient])
        weights[0].grad = gradient.clone()
        clip_gradients(weights, norm=clip_norm, value=None)
        return follow(build_optimizer(variant(name, lr=0.1), weights), [[weights[0].grad]])[0][0]

    torch.testing.assert_close(step(torch.tensor([30.0, 40.0]), 5.0), step(torch.tensor([3.0, 4.0]), None))


def test_bounds_that_no_gradient_reaches_change_no_weight():
    assert digest(run(clipped(clip_norm=1e6, clip_value=1e6), 3)[0]) == digest(run(clipped(), 3)[0])


def probed(config: TrainingConfig) -> dict[str, float]:
    """What the probe measures of the first step."""
    state = GanState.create(config, 0, CPU)
    probe = Probe(state.generator, state.discriminator)
    gan_step(config, state, Objective.of(config), real_images(config), probe)
    return dict(zip(PROBE_SERIES, probe.measure().tolist(), strict=True))


@pytest.mark.parametrize("network", ["G", "D"])
def test_a_network_can_be_clipped_alone_and_the_norm_before_clipping_is_logged(network: str):
    whole = probed(clipped(name="sgd", lr=0.01))
    probes = probed(clipped(name="sgd", lr=0.01, **{network: {"clip_norm": 0.1}}))
    assert whole[f"grad_norm_{network}"] > 0.2
    for name in ("G", "D"):
        assert probes[f"grad_norm_{name}"] == pytest.approx(whole[f"grad_norm_{name}"], rel=0.1)
        shortened = 0.1 / whole[f"grad_norm_{name}"] if name == network else 1
        ratio = f"update_ratio_{name}"
        assert probes[ratio] == pytest.approx(shortened * whole[ratio], rel=0.1)


def test_clipping_is_in_the_identity_where_it_is_on_and_nowhere_else():
    none = resolved_settings(clipped(), 40)
    assert not any("clip" in name for name in none)
    one = resolved_settings(clipped(clip_norm=2.0, D={"clip_value": 0.5}), 40)
    assert {name: value for name, value in one.items() if none.get(name) != value} == {
        "optimizer.G.clip_norm": 2.0, "optimizer.D.clip_norm": 2.0, "optimizer.D.clip_value": 0.5
    }  # fmt: skip
    assert changed_settings(clipped(clip_norm=2.0)).get("optimizer.clip_norm") == 2.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_clipping_waits_for_no_device():
    weights = [w.detach().cuda().requires_grad_() for w in ones_like(GRADIENTS)]
    for weight, gradient in zip(weights, GRADIENTS, strict=True):
        weight.grad = gradient.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        clip_gradients(weights, norm=1.0, value=0.1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
