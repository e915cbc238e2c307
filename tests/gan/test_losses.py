"""The losses and penalties against values computed by hand, closed forms and finite differences."""

from math import log

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from fakeface.config import LossConfig, TrainingConfig
from fakeface.errors import UserError
from fakeface.gan.batches import GanBatch
from fakeface.gan.losses import build_loss
from fakeface.gan.networks import NETWORKS
from fakeface.gan.penalties import PENALTIES
from fakeface.gan.step import accuracies
from tests.gan.test_training import digest, run, tiny

REAL, FAKE = torch.tensor([2.0, 0.25, -1.0]), torch.tensor([0.5, -3.0, 1.5])
"""Outputs of D."""


class Linear(nn.Module):
    """D(x) = w x + b, whose gradient is w at every image."""

    def __init__(self, weight: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.bias = nn.Parameter(torch.tensor(0.3))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight + self.bias


def outputs(real: Tensor = REAL, fake: Tensor = FAKE) -> GanBatch:
    """Images of one pixel, under a discriminator whose output is that pixel."""
    return GanBatch(nn.Flatten(0), *(x.reshape(-1, 1, 1, 1) for x in (real, fake)), seed=0, number=0)


def images(discriminator: nn.Module, number: int = 0, shape: tuple[int, ...] = (5, 1, 1, 2)) -> GanBatch:
    real, fake = (torch.randn(shape, generator=torch.Generator().manual_seed(i)) for i in range(2))
    return GanBatch(discriminator, real, fake, seed=3, number=number)


def values(name: str, **options: float) -> list[float]:
    loss = build_loss(LossConfig(name=name, options=options))
    return [value.item() for value in (*loss.discriminator(outputs()), loss.generator(outputs()))]


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("hinge", [(0 + 0.75 + 2) / 3, (1.5 + 0 + 2.5) / 3, 1 / 3]),
        ("least-squares", [(1 + 0.5625 + 4) / 6, (0.25 + 9 + 2.25) / 6, (0.25 + 16 + 0.25) / 6]),
        ("wasserstein", [-1.25 / 3, -1 / 3, 1 / 3]),
        ("wasserstein-gp", [-1.25 / 3, -1 / 3, 1 / 3]),
    ],
)
def test_a_loss_is_its_papers_formula(name: str, by_hand: list[float]):
    assert values(name) == pytest.approx(by_hand)


def test_the_non_saturating_loss_is_binary_cross_entropy():
    ones, zeros = torch.ones(3), torch.zeros(3)
    expected = [bce(REAL, ones), bce(FAKE, zeros), bce(FAKE, ones)]
    assert values("non-saturating") == pytest.approx([value.item() for value in expected])


def test_one_sided_smoothing_lowers_the_target_of_real_images_alone():
    expected = [bce(REAL, torch.full((3,), 0.9)), bce(FAKE, torch.zeros(3)), bce(FAKE, torch.ones(3))]
    assert values("non-saturating", smoothing=0.1) == pytest.approx([value.item() for value in expected])


def test_with_smoothing_the_boundary_and_the_least_loss_move():
    """Where a real image is as likely as a fake, D at its best gives the boundary; D can win down to the entropy."""
    loss = build_loss(LossConfig(name="non-saturating", options={"smoothing": 0.2}))
    x = torch.tensor(loss.boundary, requires_grad=True)
    sum(loss.discriminator(outputs(x.reshape(1), x.reshape(1)))).backward()
    assert x.grad.item() == pytest.approx(0, abs=1e-6)
    best = torch.tensor([log(0.8 / 0.2)]), torch.tensor([-30.0])
    least = sum(loss.discriminator(outputs(*best))).item()
    assert loss.won_below == pytest.approx(least + 0.05)
    assert build_loss(LossConfig()).won_below == 0.05
    assert build_loss(LossConfig()).boundary == 0


@pytest.mark.parametrize(
    ("loss", "right"),
    [
        ("non-saturating", (0.5, 0.25)),
        ("hinge", (0.5, 0.25)),
        ("least-squares", (0.25, 0.5)),
        ("wasserstein", (0.25, 0.75)),
    ],
)
def test_accuracies_count_from_the_declared_boundary(loss: str, right: tuple[float, float]):
    """Of a critic, from the middle of the two means, here 1.03."""
    real, fake = torch.tensor([-1.0, -0.5, 0.25, 9.0]), torch.tensor([-2.0, 0.25, 0.75, 1.5])
    found = accuracies(build_loss(LossConfig(name=loss)), real, fake)
    assert tuple(share.item() for share in found) == right


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("non-saturating", {"smoothing": 1.0}, "smoothing must be at least 0 and less than 1"),
        ("wasserstein", {"clip": 0}, "clip must be positive"),
        ("hinge", {"clip": 1}, "has no option 'clip'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(name: str, options: dict, message: str):
    with pytest.raises(UserError, match=message):
        build_loss(LossConfig(name=name, options=options))


# -- penalties -----------------------------------------------------------------------------------------------------


def test_penalties_of_a_linear_discriminator_have_closed_forms():
    """Its gradient is w at every image: r1 is gamma / 2 ||w||^2, the gradient penalty weight (||w|| - 1)^2."""
    d = Linear([0.6, -0.8 * 2])
    squared = 0.36 + 2.56
    r1 = PENALTIES.build("r1", {"gamma": 4.0}, images(d))
    assert r1.item() == pytest.approx(2 * squared)
    (of_weight,) = torch.autograd.grad(r1, [d.weight])
    torch.testing.assert_close(of_weight, 4 * d.weight.detach())
    gradient = PENALTIES.build("gradient", {"weight": 3.0}, images(d))
    assert gradient.item() == pytest.approx(3 * (squared**0.5 - 1) ** 2)
    (of_weight,) = torch.autograd.grad(gradient, [d.weight])
    torch.testing.assert_close(of_weight, 6 * (squared**0.5 - 1) / squared**0.5 * d.weight.detach())
    own = build_loss(LossConfig(name="wasserstein-gp", options={"weight": 3.0})).penalty(images(d))
    assert own.item() == gradient.item()


@pytest.mark.parametrize("name", ["r1", "gradient"])
def test_a_penaltys_gradient_for_ds_weights_is_the_finite_difference(name: str):
    """In float64, through DCGAN's in-place activations and BatchNorm."""
    d = NETWORKS["dcgan"](
        TrainingConfig(network={"width": 2}, data={"image_size": 32, "channels": 1})
    ).discriminator
    d.double()
    real, fake = (torch.randn(3, 1, 32, 32, dtype=torch.float64) for _ in range(2))

    def penalty() -> Tensor:
        return PENALTIES.build(name, {}, GanBatch(d, real, fake, seed=0, number=0))

    weights = list(d.parameters())
    gradients = torch.autograd.grad(penalty(), weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        where = (0,) * weight.dim()
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[where] += sign * 1e-6
            ends.append(penalty().item())
            with torch.no_grad():
                weight[where] -= sign * 1e-6
        slope = (ends[0] - ends[1]) / 2e-6
        assert slope == pytest.approx(0.0 if gradient is None else gradient[where].item(), rel=1e-4, abs=1e-6)


def test_interpolation_draws_from_a_stream_of_the_seed_and_the_step():
    d = nn.Sequential(nn.Flatten(), nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    first, again, next_step = (PENALTIES.build("gradient", {}, images(d, n)).item() for n in (0, 0, 1))
    assert first == again != next_step


def test_r1_looks_at_real_images_alone_and_reaches_no_generator():
    d = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.Flatten(0))
    batch = images(d)
    batch.fake.requires_grad_()
    batch.real.requires_grad_()
    PENALTIES.build("r1", {}, batch).backward()
    assert batch.fake.grad is None and batch.real.grad is None


# -- in training ---------------------------------------------------------------------------------------------------


def test_weights_are_clipped_after_each_step_of_d():
    state, _ = run(tiny(loss={"name": "wasserstein", "options": {"clip": 0.005}}), 2)
    assert max(weight.abs().max().item() for weight in state.discriminator.parameters()) == pytest.approx(
        0.005
    )
    assert max(weight.abs().max().item() for weight in state.generator.parameters()) > 0.1


def test_loss_d_contains_the_penalty_and_its_parts_do_not():
    for settings in ({"penalty": "r1"}, {"loss": "wasserstein-gp"}):
        _, (block,) = run(tiny(**settings), 3, pauses=())
        penalty = block.metrics["Loss_D"] - block.metrics["Loss_D_real"] - block.metrics["Loss_D_fake"]
        assert (penalty > 0).all()


@pytest.mark.parametrize("loss", ["hinge", "least-squares", "wasserstein", "wasserstein-gp"])
def test_a_training_with_a_penalty_is_the_same_again_and_does_not_diverge(loss: str):
    (state, blocks), (again, _) = (run(tiny(loss=loss, penalty="r1"), 5) for _ in range(2))
    assert blocks[-1].diverged_at is None
    assert digest(state) == digest(again)
