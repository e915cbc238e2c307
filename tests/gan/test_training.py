"""The GAN step against a hand-written one, and what must hold of the loop."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from fakeface.config import OptimizerConfig, TrainConfig, TrainingConfig, changed_settings
from fakeface.errors import UserError
from fakeface.gan import checkpoints, sampling, training
from fakeface.gan.batches import RealImages
from fakeface.gan.losses import LOSSES
from fakeface.gan.networks import NETWORKS
from fakeface.gan.optimizers import OPTIMIZERS, build_optimizer
from fakeface.gan.penalties import PENALTIES
from fakeface.gan.step import GanState
from fakeface.randomness import batch_indices, latent_noise

CPU = torch.device("cpu")
TINY = {"data": {"image_size": 32}, "network": {"width": 4, "latent_dim": 8}, "train": {"batch_size": 8}}


def tiny(**settings: object) -> TrainingConfig:
    return TrainingConfig(**{**TINY, **settings})


def faces(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def real_images(config: TrainingConfig, seed: int = 0, count: int = 40) -> RealImages:
    return RealImages(
        faces(count),
        None,
        scaling=config.data.scaling,
        batch_size=config.train.batch_size,
        seed=seed,
        device=CPU,
    )


def run(config: TrainingConfig, steps: int, seed: int = 0, **options: object) -> tuple[GanState, list]:
    state = GanState.create(config, seed, CPU)
    blocks = list(training.train(config, state, real_images(config, seed), steps, **options))
    return state, blocks


def digest(state: GanState) -> str:
    return checkpoints.weights_sha256(state.generator, state.discriminator)


def saved_and_resumed(config: TrainingConfig, file: Path, first: int, last: int) -> GanState:
    """A training that stops after `first` steps and resumes from its checkpoint in a fresh state."""
    half, _ = run(config, first)
    checkpoints.save(file, checkpoints.capture(half))
    resumed = GanState.create(config, 0, CPU)
    torch.manual_seed(123)  # a checkpoint also restores torch's own generators
    checkpoints.restore(resumed, checkpoints.load(file))
    list(training.train(config, resumed, real_images(config), last))
    return resumed


@pytest.mark.parametrize("d_steps", [1, 2])
def test_a_step_is_the_textbook_one(d_steps: int):
    """PyTorch's examples/dcgan, written out: labels 1 and 0, Adam, every gradient computed."""
    config = tiny(train={"batch_size": 8, "d_steps": d_steps})
    state, (block,) = run(config, 2, pauses=())
    expected = GanState.create(config, 0, CPU)
    g, d = expected.generator, expected.discriminator
    opt_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    ones, zeros = torch.ones(8), torch.zeros(8)
    losses = []
    for number in range(2 * d_steps):
        real = torch.from_numpy(faces()[batch_indices(0, number, 40, 8).numpy()])
        real = real.permute(0, 3, 1, 2).float() / 127.5 - 1
        fake = g(latent_noise("latent", 0, number, 8, 8))
        d.zero_grad()
        (bce(d(real), ones) + (loss_fake := bce(d(fake.detach()), zeros))).backward()
        opt_d.step()
        if number % d_steps == d_steps - 1:
            g.zero_grad()
            loss_g = bce(d(fake), ones)
            loss_g.backward()
            opt_g.step()
            losses.append((loss_fake.item(), loss_g.item()))
    for ours, theirs in ((state.generator, g), (state.discriminator, d)):
        for name, tensor in theirs.state_dict().items():
            if "num_batches" not in name:
                torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(block.metrics["Loss_D_fake"], [a for a, _ in losses], rtol=1e-4)
    np.testing.assert_allclose(block.metrics["Loss_G"], [b for _, b in losses], rtol=1e-4)


def test_without_options_the_weights_are_bit_for_bit_those_of_the_plain_loop():
    """The objectives as functions of logits, D on real images first, and no gradient for D in G's half."""
    config = tiny()
    state, _ = run(config, 12)
    plain = GanState.create(config, 0, CPU)
    g, d, real = plain.generator, plain.discriminator, real_images(config)
    for number in range(12):
        fakes = g(latent_noise("latent", 0, number, 8, 8))
        plain.optimizer_d.zero_grad()
        on_real, on_fake = d(real.batch(number)), d(fakes.detach())
        (softplus(-on_real).mean() + softplus(on_fake).mean()).backward()
        plain.optimizer_d.step()
        plain.optimizer_g.zero_grad()
        d.requires_grad_(False)
        softplus(-d(fakes)).mean().backward()
        d.requires_grad_(True)
        plain.optimizer_g.step()
    assert digest(state) == digest(plain)


def test_the_metrics_are_what_their_names_say():
    _, blocks = run(tiny(), 30)
    metrics = {name: np.concatenate([b.metrics[name] for b in blocks]) for name in training.STEP_SERIES}
    np.testing.assert_allclose(metrics["Loss_D"], metrics["Loss_D_real"] + metrics["Loss_D_fake"], rtol=1e-6)
    for name in ("D(x)", "D(G(z))_before", "D(G(z))_after", "accuracy_real", "accuracy_fake"):
        assert ((metrics[name] >= 0) & (metrics[name] <= 1)).all()
    # A step of D on these fakes makes it call them fake more surely.
    assert (metrics["D(G(z))_after"] < metrics["D(G(z))_before"]).mean() > 0.8


def test_probes_measure_the_step_they_are_taken_at():
    config = tiny(optimizer={"name": "sgd", "lr": 0.01})
    _, blocks = run(config, 10)
    (block,) = [b for b in blocks if b.probe_steps]
    assert block.probe_steps == [10]
    before, _ = run(config, 9)
    after, _ = run(config, 10)
    for network, suffix in (("generator", "G"), ("discriminator", "D")):
        old = torch.cat([p.detach().flatten() for p in getattr(before, network).parameters()])
        new = torch.cat([p.detach().flatten() for p in getattr(after, network).parameters()])
        ratio = ((new - old).norm() / old.norm()).item()
        assert block.probes[f"update_ratio_{suffix}"][0] == pytest.approx(ratio, rel=1e-4)
        # Plain SGD moves by lr times the gradient, which ties the two probes together.
        assert block.probes[f"grad_norm_{suffix}"][0] == pytest.approx(
            (new - old).norm().item() / 0.01, rel=1e-3
        )


def test_where_blocks_end_changes_no_weight():
    whole, _ = run(tiny(), 12)
    pieces, blocks = run(tiny(), 12, block_steps=5, pauses={3, 4})
    assert [b.steps for b in blocks] == [range(1, 4), range(4, 5), range(5, 10), range(10, 13)]
    assert digest(whole) == digest(pieces)


def test_sampling_between_blocks_changes_no_weight():
    whole, _ = run(tiny(), 6)
    config = tiny()
    state = GanState.create(config, 0, CPU)
    for _ in training.train(config, state, real_images(config), 6, block_steps=2):
        images = sampling.generate(state.generator, torch.randn(5, 8), batch_size=2)
        assert images.shape == (5, 32, 32, 3)
        assert images.dtype == np.uint8
    assert digest(whole) == digest(state)


def test_one_seed_gives_every_variant_the_same_data_and_noise():
    first = real_images(tiny()).batch(7)
    second = real_images(tiny(init="dcgan", optimizer={"name": "sgd"})).batch(7)
    assert torch.equal(first, second)
    assert torch.equal(latent_noise("latent", 0, 3, 8, 8), latent_noise("latent", 0, 3, 8, 8))
    assert not torch.equal(latent_noise("latent", 0, 3, 8, 8), latent_noise("latent", 1, 3, 8, 8))
    assert not torch.equal(latent_noise("latent", 0, 3, 8, 8), latent_noise("samples", 0, 3, 8, 8))


def test_an_epoch_shows_every_image_once_and_the_next_in_another_order():
    epochs = [torch.cat([batch_indices(0, e * 5 + i, 40, 8) for i in range(5)]) for e in range(2)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(40))
    assert not torch.equal(*epochs)


def test_times_multiplies_the_length_that_steps_or_epochs_give():
    for length in (
        {"steps": 7},
        {"epochs": 3, "batch_size": 8},
        {"epochs": 3, "batch_size": 8, "d_steps": 4},
        {},
    ):
        once = TrainConfig(**length).total_steps(130)
        assert TrainConfig(**length, times=10).total_steps(130) == 10 * once
    assert TrainConfig(steps=7, times=10).total_steps(130) == 70
    assert TrainConfig(epochs=3, batch_size=8, times=2).total_steps(130) == 2 * 3 * 16
    assert changed_settings(TrainConfig(steps=7, times=10)) == {"steps": 7, "times": 10}
    assert changed_settings(TrainConfig(times=1)) == {}


def test_a_set_smaller_than_a_batch_still_gives_full_batches():
    assert real_images(tiny(), count=3).batch(0).shape == (8, 3, 32, 32)


@pytest.mark.parametrize(("scaling", "low"), [("symmetric", -1.0), ("unit", 0.0)])
def test_scaling_sets_the_range_that_d_sees(scaling: str, low: float):
    images = real_images(tiny(data={"image_size": 32, "scaling": scaling})).batch(0)
    assert images.min().item() == pytest.approx(low, abs=0.01)
    assert images.max().item() == pytest.approx(1.0, abs=0.01)


def test_a_subset_is_all_that_is_trained_on():
    subset = RealImages(
        faces(), np.array([3, 5]), scaling="symmetric", batch_size=8, seed=0, device=CPU
    ).batch(0)
    allowed = torch.from_numpy(faces()[[3, 5]]).permute(0, 3, 1, 2) / 127.5 - 1
    assert all(any(torch.allclose(image, a, atol=1e-6) for a in allowed) for image in subset)


def test_a_training_that_blows_up_says_at_which_step():
    _, blocks = run(tiny(optimizer={"name": "sgd", "lr": 1e30}), 20)
    assert blocks[-1].diverged_at is not None
    assert blocks[-1].diverged_at <= 3
    losses = blocks[-1].metrics["Loss_D"]
    first = blocks[-1].steps.index(blocks[-1].diverged_at)
    assert np.isfinite(losses[:first]).all()


def test_a_divergence_reads_the_same_wherever_blocks_end():
    config = tiny(optimizer={"name": "sgd", "lr": 1e30})
    endings = []
    for size in (1, 3, 100):
        _, blocks = run(config, 20, block_steps=size)
        losses = np.concatenate([block.metrics["Loss_D"] for block in blocks])
        endings.append((blocks[-1].diverged_at, blocks[-1].steps[-1], losses.tobytes()))
    assert len(set(endings)) == 1
    assert endings[0][0] == endings[0][1], "nothing is reported of steps behind the divergence"


def test_weights_that_are_not_finite_after_the_last_step_are_a_divergence():
    config = tiny()
    state = GanState.create(config, 0, CPU)
    for block in training.train(config, state, real_images(config), 2, block_steps=1):
        if block.steps[-1] == 1:
            with torch.no_grad():  # seen by no loss: evaluation mode alone uses the running statistics
                state.generator.state_dict()["layers.1.running_var"][0] = float("inf")
    assert block.diverged_at == 2


def test_torchs_own_generators_start_the_same_for_each_job():
    draws = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        run(tiny(), 1)
        draws.append(torch.rand(1))
    assert torch.equal(*draws)


def test_stop_ends_after_the_step_in_progress():
    config, seen = tiny(), []
    state = GanState.create(config, 0, CPU)
    for block in training.train(config, state, real_images(config), 50, stop=lambda: state.step >= 4):
        seen += list(block.steps)
    assert seen == [1, 2, 3, 4]


def test_g_and_d_can_have_their_own_optimizers():
    config = tiny(optimizer={"name": "adam", "D": {"name": "sgd", "lr": 0.5, "options": {"nesterov": False}}})
    state = GanState.create(config, 0, CPU)
    assert isinstance(state.optimizer_g, torch.optim.Adam)
    assert isinstance(state.optimizer_d, torch.optim.SGD)
    assert state.optimizer_d.param_groups[0]["lr"] == 0.5


def test_an_option_that_the_optimizer_does_not_take_is_refused():
    with pytest.raises(UserError, match="'sgd' has no option 'rho'"):
        build_optimizer(
            OptimizerConfig(name="sgd", options={"rho": 1.0}), [torch.nn.Parameter(torch.zeros(1))]
        )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_cpus_losses():
    config = tiny()
    _, on_cpu = run(config, 5)
    state = GanState.create(config, 0, torch.device("cuda"))
    real = RealImages(faces(), None, scaling="symmetric", batch_size=8, seed=0, device=torch.device("cuda"))
    on_gpu = list(training.train(config, state, real, 5))
    np.testing.assert_allclose(on_gpu[0].metrics["Loss_D"], on_cpu[0].metrics["Loss_D"], rtol=2e-3)


# -- precision ----------------------------------------------------------------------------------------------------


HALF = {"train": {"batch_size": 8, "precision": "bfloat16"}}


def test_bfloat16_stays_near_float32_and_keeps_weights_and_losses_in_float32():
    full, half = run(tiny(), 6), run(tiny(**HALF), 6)
    assert digest(full[0]) != digest(half[0])
    assert {weight.dtype for weight in half[0].generator.parameters()} == {torch.float32}
    for name in ("Loss_D", "Loss_G", "D(x)"):
        ours, theirs = (np.concatenate([b.metrics[name] for b in blocks]) for _, blocks in (half, full))
        np.testing.assert_allclose(ours, theirs, rtol=0.05)
        assert (ours != np.float64(torch.tensor(ours).bfloat16().double().numpy())).any(), "it is not rounded"


def test_bfloat16_resumes_exactly(tmp_path: Path):
    config = tiny(**HALF)
    assert digest(saved_and_resumed(config, tmp_path / "half.pt", 3, 6)) == digest(run(config, 6)[0])


@pytest.mark.parametrize(
    "settings",
    [
        *({"loss": {"name": name}} for name in LOSSES),
        *({"penalty": {"name": name}} for name in PENALTIES),
        *({"network": {"name": name, "width": 4, "latent_dim": 8}} for name in NETWORKS),
        *({"optimizer": {"name": name}} for name in OPTIMIZERS),
        {"network": {"width": 4, "latent_dim": 8, "options": {"spectral_norm": True}}},
        {"augment": {"name": "diffaugment"}},
    ],
    ids=str,
)
def test_every_component_trains_in_bfloat16(settings: dict[str, object]):
    _, blocks = run(tiny(**HALF, **settings), 2)
    assert blocks[-1].diverged_at is None
