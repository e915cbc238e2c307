"""The optimizers against steps taken by hand and by torch, what no gradient changes, and warm-up."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, optim

from ablations.code.reached import code_digests
from fakeface.config import OptimizerConfig, TrainingConfig, changed_settings
from fakeface.errors import UserError
from fakeface.gan import training
from fakeface.gan.optimizers import OPTIMIZERS, build_optimizer
from fakeface.gan.step import GanState
from tests.gan.test_training import CPU, digest, real_images, run, saved_and_resumed, tiny

VARIANTS: dict[str, dict[str, object]] = {
    **{name: {"name": name} for name in OPTIMIZERS},
    "sgd, momentum": {"name": "sgd", "momentum": 0.9},
    "sgd, nesterov": {"name": "sgd", "momentum": 0.9, "options": {"nesterov": True}},
    "rmsprop, momentum": {"name": "rmsprop", "momentum": 0.9, "options": {"alpha": 0.9}},
    "nsgd, layer": {"name": "nsgd", "options": {"scope": "layer"}},
    "adam-magnitude, layer": {"name": "adam-magnitude", "options": {"scope": "layer"}},
    "lion, decay": {"name": "lion", "options": {"weight_decay": 0.1}},
}
SCOPED = ["nsgd", "nsgd, layer", "adam-magnitude", "adam-magnitude, layer"]


def variant(name: str, **settings: object) -> OptimizerConfig:
    return OptimizerConfig(**{**VARIANTS[name], **settings})


def follow(optimizer: optim.Optimizer, gradients: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    """The weights after each step along some gradients, one per weight."""
    weights = optimizer.param_groups[0]["params"]
    path = []
    for of_step in gradients:
        for weight, gradient in zip(weights, of_step, strict=True):
            weight.grad = gradient.to(weight)
        optimizer.step()
        path.append([weight.detach().clone() for weight in weights])
    return path


def ones_like(tensors: Sequence[Tensor], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [torch.ones_like(tensor, dtype=dtype, requires_grad=True) for tensor in tensors]


def random_gradients(steps: int) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 2, 2, 2), (5,), (4, 3))
    return [[torch.randn(shape, generator=generator) * 10**-k for shape in shapes] for k in range(steps)]


# -- against steps taken by hand -----------------------------------------------------------------------------------

BY_HAND: dict[str, tuple[dict[str, object], list[float], float]] = {
    "adam": (  # the second step: m = 0.125, m^ = m / 0.75; v = 0.203125, v^ = v / 0.4375
        {"name": "adam", "betas": (0.5, 0.75)},
        [1, -0.25],
        1 + (0.125 / 0.75) / (0.203125 / 0.4375) ** 0.5,
    ),
    "adam's length, the other way": (
        {"name": "adam-magnitude", "betas": (0.5, 0.75)},
        [1, -0.25],
        1 - (0.125 / 0.75) / (0.203125 / 0.4375) ** 0.5,
    ),
    "adamw": (  # as adam; before each step, the weight loses 0.1 x 0.5 of itself
        {"name": "adamw", "betas": (0.5, 0.75), "options": {"weight_decay": 0.5}},
        [1, -0.25],
        0.5 + 1 + 0.5 * (1 - 0.05 - 0.1) + (0.125 / 0.75) / (0.203125 / 0.4375) ** 0.5,
    ),
    "lion": (  # m = 1 after the first step; then c = 0.5 - 0.75 < 0, so that the weight returns; then c > 0
        {"name": "lion", "betas": (0.5, 0.75)},
        [4, -1.5, -0.25],
        1 - 1 + 1,
    ),
    "lion, decay": (
        {"name": "lion", "betas": (0.5, 0.75), "options": {"weight_decay": 0.5}},
        [4, 0],
        0.5 + 1 + 0.5 * (1 - 0.05 - 0.1) + 1,
    ),
    "optimistic-adam": (  # adam's directions 1 and d: 2, then 2 d - 1
        {"name": "optimistic-adam", "betas": (0.5, 0.75)},
        [1, -0.25],
        2 + 2 * (0.125 / 0.75) / (0.203125 / 0.4375) ** 0.5 - 1,
    ),
    "sgd": ({"name": "sgd"}, [3, -1], 2),
    "sgd, momentum": ({"name": "sgd", "momentum": 0.5}, [1, 1], 1 + 1.5),
    "sgd, nesterov": ({"name": "sgd", "momentum": 0.5, "options": {"nesterov": True}}, [1, 1], 1.5 + 1.75),
    "rmsprop": ({"name": "rmsprop", "options": {"alpha": 0.75}}, [2, 0], 2),
    "rmsprop, momentum": ({"name": "rmsprop", "momentum": 0.5, "options": {"alpha": 0.75}}, [2, 0], 2 + 1),
    "nsgd": ({"name": "nsgd"}, [30, 0.5, -0.001], 1),
}
"""Settings, the gradients of a single weight that follow each other, and how many learning rates it falls."""


@pytest.mark.parametrize("case", BY_HAND)
def test_a_single_weight_takes_the_steps_computed_by_hand(case: str):
    settings, gradients, fall = BY_HAND[case]
    optimizer = build_optimizer(OptimizerConfig(**{"lr": 0.1, **settings}), ones_like([torch.zeros(1)]))
    path = follow(optimizer, [[torch.tensor([float(g)])] for g in gradients])
    assert path[-1][0].item() == pytest.approx(1 - 0.1 * fall, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("nsgd", ([3 / 13, 4 / 13], [12 / 13])),
        ("nsgd, layer", ([3 / 5, 4 / 5], [1])),
        # Adam's first step moves each of the three weights by lr: sqrt(3) lr in all, sqrt(2) lr and lr by layer.
        ("adam-magnitude", ([3**0.5 * 3 / 13, 3**0.5 * 4 / 13], [3**0.5 * 12 / 13])),
        ("adam-magnitude, layer", ([2**0.5 * 3 / 5, 2**0.5 * 4 / 5], [1])),
    ],
)
def test_the_norm_runs_over_the_scope(name: str, steps: tuple[list[float], list[float]]):
    gradients = [torch.tensor([3.0, 4.0]), torch.tensor([12.0])]
    (after,) = follow(build_optimizer(variant(name, lr=0.1), ones_like(gradients)), [gradients])
    for weight, step in zip(after, steps, strict=True):
        torch.testing.assert_close(weight, 1 - 0.1 * torch.tensor(step))


# -- against torch -------------------------------------------------------------------------------------------------

LOOP = {"foreach": False, "fused": False}
TORCHS_OWN = {
    "adam": lambda weights: optim.Adam(weights, lr=0.01, betas=(0.5, 0.999), **LOOP),
    "adamw": lambda weights: optim.AdamW(weights, lr=0.01, betas=(0.5, 0.999), weight_decay=0.01, **LOOP),
    "sgd": lambda weights: optim.SGD(weights, lr=0.01, **LOOP),
    "sgd, momentum": lambda weights: optim.SGD(weights, lr=0.01, momentum=0.9, **LOOP),
    "sgd, nesterov": lambda weights: optim.SGD(weights, lr=0.01, momentum=0.9, nesterov=True, **LOOP),
    "rmsprop": lambda weights: optim.RMSprop(weights, lr=0.01, foreach=False),
    "rmsprop, momentum": lambda weights: optim.RMSprop(weights, 0.01, 0.9, momentum=0.9, foreach=False),
}


@pytest.mark.parametrize("name", TORCHS_OWN)
def test_a_path_is_that_of_torchs_own_loop(name: str):
    gradients = random_gradients(6)
    ours = follow(build_optimizer(variant(name, lr=0.01), ones_like(gradients[0])), gradients)
    theirs = follow(TORCHS_OWN[name](ones_like(gradients[0])), gradients)
    torch.testing.assert_close(ours, theirs)


def written_out(
    name: str, gradients: list[list[Tensor]], lr: float, betas: tuple[float, float]
) -> list[Tensor]:
    """Where the papers' algorithms lead, one weight tensor at a time in float64; `lion` with weight decay 0.1."""
    ends = []
    for of_weight in zip(*gradients, strict=True):
        w = torch.ones_like(of_weight[0], dtype=torch.float64)
        m, v, direction = (torch.zeros_like(w) for _ in range(3))
        for k, g in enumerate((g.double() for g in of_weight), start=1):
            if name == "lion, decay":
                w = w - lr * ((betas[0] * m + (1 - betas[0]) * g).sign() + 0.1 * w)
                m = betas[1] * m + (1 - betas[1]) * g
            else:
                m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
                before, direction = (
                    direction,
                    m / (1 - betas[0] ** k) / ((v / (1 - betas[1] ** k)) ** 0.5 + 1e-8),
                )
                w = w - 2 * lr * direction + lr * before
        ends.append(w)
    return ends


@pytest.mark.parametrize("name", ["lion, decay", "optimistic-adam"])
def test_a_path_is_the_papers_algorithm_written_out(name: str):
    gradients, betas = random_gradients(6), (0.6, 0.95)
    ours = follow(build_optimizer(variant(name, lr=0.01, betas=betas), ones_like(gradients[0])), gradients)
    expected = written_out(name, gradients, 0.01, betas)
    torch.testing.assert_close([w.double() for w in ours[-1]], expected, rtol=1e-5, atol=1e-6)


def test_optimism_finds_the_saddle_that_plain_steps_circle():
    """min over x, max over y of x y, whose solution is 0 (Daskalakis et al. 2018, section 1)."""

    def distance(name: str) -> float:
        x, y = ones_like([torch.zeros(1)] * 2)
        optimizers = [
            build_optimizer(OptimizerConfig(name=name, lr=0.05, betas=(0, 0.999)), [w]) for w in (x, y)
        ]
        for _ in range(800):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for optimizer in optimizers:
                optimizer.step()
        return torch.cat([x, y]).norm().item()

    assert distance("optimistic-adam") < 0.5 < 1 < distance("adam")


# -- what no gradient changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
@pytest.mark.parametrize("name", ["nsgd", "nsgd, layer"])
def test_scaling_the_gradient_does_not_change_a_normalised_step(name: str, scale: float):
    (gradients,) = random_gradients(1)
    scaled = [gradient * scale for gradient in gradients]
    ends = [follow(build_optimizer(variant(name), ones_like(g)), [g])[0] for g in (gradients, scaled)]
    torch.testing.assert_close(*ends)
    assert not torch.equal(ends[1][0], torch.ones_like(ends[1][0])), "it must have moved"


@pytest.mark.parametrize("name", ["adam-magnitude", "adam-magnitude, layer"])
def test_grafting_takes_adams_length_along_the_gradient(name: str):
    gradients = random_gradients(6)
    paths = [
        follow(build_optimizer(variant(v, lr=0.01), ones_like(gradients[0], torch.float64)), gradients)
        for v in (name, "adam")
    ]
    moves = []
    for path in paths:
        starts = [[torch.ones_like(weight) for weight in path[0]], *path]
        moves.append(
            [[b - a for a, b in zip(*ends, strict=True)] for ends in zip(starts, path, strict=False)]
        )
    for grafted, adams, of_step in zip(*moves, gradients, strict=True):
        units = [list(group) for group in zip(grafted, adams, of_step, strict=True)]
        if "layer" not in name:
            units = [[torch.cat([t.flatten() for t in kind]) for kind in zip(*units, strict=True)]]
        for ours, adam, gradient in units:
            assert ours.norm().item() == pytest.approx(adam.norm().item(), rel=1e-5)
            torch.testing.assert_close(ours / ours.norm(), -gradient.double() / gradient.double().norm())
            assert abs(torch.sum(adam * ours) / (adam.norm() * ours.norm())) < 0.999, "Adam goes elsewhere"


@pytest.mark.parametrize("name", SCOPED)
def test_a_gradient_of_zero_moves_nothing_and_leaves_the_others_alone(name: str):
    optimizer = build_optimizer(variant(name, lr=0.1), ones_like([torch.zeros(2)] * 2))
    zero, one = torch.zeros(2), torch.tensor([0.0, 1.0])
    first, second = follow(optimizer, [[zero, zero], [zero, one]])
    assert torch.equal(torch.stack(first), torch.ones(2, 2))
    assert torch.equal(second[0], torch.ones(2))
    assert second[1][0] == 1
    assert 0 < second[1][1] < 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_gradient_that_is_not_finite_shows_in_the_weights(name: str, bad: float):
    gradients = [torch.tensor([1.0, bad])]
    (after,) = follow(build_optimizer(variant(name), ones_like(gradients)), [gradients])
    assert not after[0].isfinite().all()


def test_a_weight_without_a_gradient_stays():
    for name in VARIANTS:
        weights = ones_like([torch.zeros(2)] * 2)
        optimizer = build_optimizer(variant(name), weights)
        optimizer.step()
        weights[0].grad = torch.ones(2)
        optimizer.step()
        assert torch.equal(weights[1], torch.ones(2)), name
        assert (weights[0] < 1).all(), name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"name": "nsgd", "options": {"scope": "tensor"}},
            "scope must be 'network' or 'layer', not 'tensor'",
        ),
        ({"name": "adam-magnitude", "options": {"scope": 1}}, "the option 'scope' must be a string"),
        ({"name": "rmsprop", "options": {"alpha": 1.0}}, "alpha must be at least 0 and less than 1, not 1.0"),
        ({"name": "rmsprop", "options": {"alpha": "high"}}, "optimizer 'rmsprop'"),
        ({"name": "nsgd", "options": {"momentum": 0.9}}, "has no option 'momentum' .options: scope"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(settings: dict[str, object], words: str):
    with pytest.raises(UserError, match=words):
        build_optimizer(OptimizerConfig(**settings), ones_like([torch.zeros(1)]))


# -- in a GAN ------------------------------------------------------------------------------------------------------


def gan(name: str, **optimizer: object) -> TrainingConfig:
    return tiny(optimizer={**VARIANTS[name], **optimizer})


def moments(state: GanState) -> list[Tensor]:
    """Every tensor that the two optimizers keep."""
    kept = [s for o in (state.optimizer_g, state.optimizer_d) for s in o.state_dict()["state"].values()]
    assert all(isinstance(value, Tensor) or value is None for s in kept for value in s.values())
    return [value for s in kept for value in s.values() if value is not None]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_gan_trains_with_every_optimizer_the_same_each_time(name: str):
    (first, blocks), (second, _) = run(gan(name), 3), run(gan(name), 3)
    assert blocks[-1].steps[-1] == 3
    assert blocks[-1].diverged_at is None
    assert digest(first) == digest(second)
    for network in ("generator", "discriminator"):
        before = getattr(GanState.create(gan(name), 0, CPU), network).parameters()
        after = getattr(first, network).parameters()
        assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("warmup_steps", [0, 4])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_gan_resumes_from_a_checkpoint_with_the_same_bits(tmp_path: Path, name: str, warmup_steps: int):
    config = gan(name, warmup_steps=warmup_steps)
    whole, _ = run(config, 5)
    resumed = saved_and_resumed(config, tmp_path / "c.pt", 2, 5)
    assert digest(resumed) == digest(whole)
    assert all(torch.equal(a, b) for a, b in zip(moments(resumed), moments(whole), strict=True))


def test_the_code_of_a_normalised_step_is_in_its_own_identity_alone():
    file = "fakeface/gan/optimizers/normalized.py"
    assert f"{file}:NormalizedSGD" in code_digests([OPTIMIZERS["nsgd"]])
    assert {f"{file}:AdamMagnitude", f"{file}:directions"} <= set(
        code_digests([OPTIMIZERS["adam-magnitude"]])
    )
    for name in ("adam", "sgd", "rmsprop"):
        assert not any(key.startswith(file) for key in code_digests([OPTIMIZERS[name]]))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", VARIANTS)
def test_no_step_waits_for_the_device_and_it_gives_the_cpus_weights(name: str):
    gradients = random_gradients(3)
    on_cpu = follow(build_optimizer(variant(name, lr=0.01), ones_like(gradients[0])), gradients)
    there = [[gradient.cuda() for gradient in of_step] for of_step in gradients]
    optimizer = build_optimizer(variant(name, lr=0.01), ones_like(there[0]))
    torch.cuda.set_sync_debug_mode("error")
    try:
        on_gpu = follow(optimizer, there)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close([[w.cpu() for w in step] for step in on_gpu], on_cpu)


# -- warm-up -------------------------------------------------------------------------------------------------------


def learning_rates(config: TrainingConfig, state: GanState, until: int) -> dict[str, list[float]]:
    """The learning rate of each step that the two optimizers take."""
    seen: dict[str, list[float]] = {"G": [], "D": []}
    for network, optimizer in (("G", state.optimizer_g), ("D", state.optimizer_d)):
        rates = seen[network]
        optimizer.register_step_pre_hook(lambda o, *_, rates=rates: rates.append(o.param_groups[0]["lr"]))
    list(training.train(config, state, real_images(config), until))
    return seen


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_warm_up_raises_the_learning_rate_linearly_by_each_networks_own_steps(name: str):
    optimizer = {"name": name, "lr": 1e-3, "warmup_steps": 4, "G": {"warmup_steps": 2, "lr": 4e-3}}
    config = tiny(optimizer=optimizer, train={"batch_size": 8, "d_steps": 2})
    seen = learning_rates(config, GanState.create(config, 0, CPU), 3)
    assert seen["D"] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3, 1e-3, 1e-3])
    assert seen["G"] == pytest.approx([2e-3, 4e-3, 4e-3])


def test_a_network_can_do_without_the_others_warm_up():
    config = tiny(optimizer={"lr": 1e-3, "warmup_steps": 4, "D": {"warmup_steps": 0}})
    seen = learning_rates(config, GanState.create(config, 0, CPU), 2)
    assert seen == {"G": [pytest.approx(2.5e-4), pytest.approx(5e-4)], "D": [1e-3, 1e-3]}


def test_a_warm_step_is_as_short_as_its_learning_rate_says():
    config = tiny(optimizer={"name": "nsgd", "lr": 0.1, "warmup_steps": 10})
    before, after = GanState.create(config, 0, CPU), run(config, 1)[0]
    for network in ("generator", "discriminator"):
        ends = [list(getattr(state, network).parameters()) for state in (before, after)]
        moves = [(b - a).detach() for a, b in zip(*ends, strict=True)]
        assert torch.nn.utils.get_total_norm(moves).item() == pytest.approx(0.01, rel=1e-3)


def test_warm_up_resumes_where_it_was(tmp_path: Path):
    config = tiny(optimizer={"lr": 1e-3, "warmup_steps": 5})
    resumed = saved_and_resumed(config, tmp_path / "c.pt", 2, 3)
    assert learning_rates(config, resumed, 6)["G"] == pytest.approx([8e-4, 1e-3, 1e-3])


def test_a_warm_up_of_one_step_is_none_and_none_has_no_part_in_the_identity():
    assert digest(run(gan("adam", warmup_steps=1), 3)[0]) == digest(run(gan("adam"), 3)[0])
    assert changed_settings(OptimizerConfig(warmup_steps=0)) == {}
    warm = OptimizerConfig(warmup_steps=3, D={"warmup_steps": 0})
    assert changed_settings(warm) == {"warmup_steps": 3, "D.warmup_steps": 0}
