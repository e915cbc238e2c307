"""The GAN step, on one screen, and the loop around it. Writes nothing: `train` yields blocks of steps.

The report's loop, after PyTorch's `examples/dcgan/main.py`: `d_steps` discriminator steps (a real batch, then a
detached fake batch), then one generator step on the same fakes.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from fakeface.config import TrainingConfig
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.losses import LOSSES, GanLoss
from fakeface.gan.networks import NETWORKS
from fakeface.gan.optimizers import build_optimizer
from fakeface.gan.series import PROBE_SERIES, STEP_SERIES
from fakeface.randomness import batch_indices, latent_noise, stream

PROBE_EVERY = 10
"""Steps between two probes of gradient norms and update-to-weight ratios: each copies every weight once."""


@dataclass
class GanState:
    """All that the next step depends on, but the settings, the seed and the images."""

    generator: nn.Module
    discriminator: nn.Module
    optimizer_g: optim.Optimizer
    optimizer_d: optim.Optimizer
    step: int = 0
    """Generator steps taken."""


@dataclass(frozen=True)
class Block:
    """Some consecutive steps, with what was measured in them.

    `metrics[name]` has shape (len(steps),); `probes[name]` has shape (len(probe_steps),).
    """

    steps: range
    metrics: dict[str, NDArray[np.float64]]
    probe_steps: list[int]
    probes: dict[str, NDArray[np.float64]]
    seconds: float
    diverged_at: int | None
    """First step with a non-finite loss or weight; the training ends there."""


class RealImages:
    """The training set, as batches in the order that the seed gives, scaled for D.

    Args:
        images: (N, H, W, C) uint8; a memory map stays on disk.
        indices: the subset to train on, or None for all.
        scaling: `symmetric` for [-1, 1], `unit` for [0, 1].
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        indices: NDArray[np.int64] | None,
        *,
        scaling: str,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.images, self.indices, self.scaling = images, indices, scaling
        self.batch_size, self.seed, self.device = batch_size, seed, device

    def batch(self, number: int) -> Tensor:
        """The `number`-th batch since the start, (batch_size, C, H, W) float32 on the device, channels_last."""
        available = len(self.images) if self.indices is None else len(self.indices)
        chosen = batch_indices(self.seed, number, available, self.batch_size).numpy()
        rows = chosen if self.indices is None else self.indices[chosen]
        pixels = torch.from_numpy(self.images[rows]).to(self.device, non_blocking=True)
        unit = pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)
        return unit if self.scaling == "unit" else unit.mul_(2).sub_(1)


def create(config: TrainingConfig, seed: int, device: torch.device) -> GanState:
    """Fresh networks and optimizers. The weights are drawn on the CPU, so they are the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(stream("weights", seed).get_state())
        networks = NETWORKS[config.network.name](config)
    for index, network in enumerate(networks):
        INITIALIZERS[config.init](network, stream("initializer", seed, index))
        network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator, discriminator = networks
    return GanState(
        generator,
        discriminator,
        build_optimizer(config.optimizer.for_network("G"), generator.parameters()),
        build_optimizer(config.optimizer.for_network("D"), discriminator.parameters()),
    )


def warm_up(optimizer: optim.Optimizer, warmup_steps: int, step: int) -> None:
    """Linear warm-up (Goyal et al. 2017, arXiv 1706.02677): lr_k = lr min(1, k / warmup_steps), k = `step` from 1.

    Call it before an optimizer's step. It follows from the number of the step, so there is nothing to restore.
    """
    if warmup_steps:
        for group in optimizer.param_groups:
            group["lr"] = optimizer.defaults["lr"] * min(1.0, step / warmup_steps)


def train_discriminator(state: GanState, loss: GanLoss, real: Tensor, fakes: Tensor) -> list[Tensor]:
    """Minimise Loss_D = -E log D(x) - E log(1 - D(G(z))) over D, by one step; G is left alone."""
    state.optimizer_d.zero_grad(set_to_none=True)
    logits_real = state.discriminator(real)
    logits_fake = state.discriminator(fakes.detach())
    loss_real, loss_fake = loss.discriminator(logits_real, logits_fake)
    (loss_real + loss_fake).backward()  # type: ignore[no-untyped-call]
    state.optimizer_d.step()
    with torch.no_grad():
        p_real, p_fake = logits_real.sigmoid().mean(), logits_fake.sigmoid().mean()
        right_real, right_fake = (logits_real > 0).float().mean(), (logits_fake < 0).float().mean()
        total = (loss_real + loss_fake).detach()
    return [total, loss_real.detach(), loss_fake.detach(), p_real, p_fake, right_real, right_fake]


def train_generator(state: GanState, loss: GanLoss, fakes: Tensor) -> list[Tensor]:
    """Minimise Loss_G = -E log D(G(z)) over G, by one step, on the fakes that D has just seen.

    D's weights need no gradient here, only its input does: not computing them saves a third of D's backward pass.
    """
    state.optimizer_g.zero_grad(set_to_none=True)
    state.discriminator.requires_grad_(False)
    logits_fake = state.discriminator(fakes)
    loss_g = loss.generator(logits_fake)
    loss_g.backward()  # type: ignore[no-untyped-call]
    state.discriminator.requires_grad_(True)
    state.optimizer_g.step()
    return [loss_g.detach(), logits_fake.detach().sigmoid().mean()]


def gan_step(config: TrainingConfig, state: GanState, loss: GanLoss, real: RealImages) -> Tensor:
    """`d_steps` steps of D, one of G. Returns the STEP_SERIES, shape (9,), on the device; D's are its last step's."""
    for d_step in range(config.train.d_steps):
        number = state.step * config.train.d_steps + d_step
        z = latent_noise("latent", real.seed, number, config.train.batch_size, config.network.latent_dim)
        fakes = state.generator(z.to(real.device, non_blocking=True))
        warm_up(state.optimizer_d, config.optimizer.warmup_of("D"), number + 1)
        of_d = train_discriminator(state, loss, real.batch(number), fakes)
    total, loss_real, loss_fake, p_real, p_before, right_real, right_fake = of_d
    warm_up(state.optimizer_g, config.optimizer.warmup_of("G"), state.step + 1)
    loss_g, p_after = train_generator(state, loss, fakes)
    state.step += 1
    return torch.stack(
        [total, loss_real, loss_fake, loss_g, p_real, p_before, p_after, right_real, right_fake]
    )


class Probe:
    """Measures one step: ||gradient|| and ||update|| / ||weights|| of each network (G, then D)."""

    def __init__(self, state: GanState) -> None:
        self.networks = (state.generator, state.discriminator)
        self.before = [[p.detach().clone() for p in network.parameters()] for network in self.networks]

    def measure(self) -> Tensor:
        """The PROBE_SERIES after the step, shape (4,), on the device.

        G's gradients are those of its own loss, D's those of Loss_D: the G half computes none for D.
        """
        gradients, ratios = [], []
        for network, before in zip(self.networks, self.before, strict=True):
            now = [p.detach() for p in network.parameters()]
            moved = torch.nn.utils.get_total_norm(torch._foreach_sub(now, before))
            gradients.append(
                torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
            )
            ratios.append(moved / torch.nn.utils.get_total_norm(before))
        return torch.stack(gradients + ratios)


def train(
    config: TrainingConfig,
    state: GanState,
    real: RealImages,
    total_steps: int,
    *,
    pauses: Collection[int] = (),
    block_steps: int = 100,
    block_seconds: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Block]:
    """Train `state` in place up to `total_steps`, yielding what was measured.

    The caller may use the networks between two blocks, as long as it leaves them as they were. A block ends at each
    step in `pauses`, after `block_steps` or `block_seconds`, when `stop()` says so (the generator then returns) or
    at a divergence. Where blocks end changes no weight. Metrics stay on the device within a block, so nothing waits
    for the host at each step.
    """
    loss = LOSSES[config.loss]
    if (
        state.step == 0
    ):  # for components that draw from torch's own generators; a checkpoint keeps their state
        torch.manual_seed(stream("components", real.seed).initial_seed())
    while state.step < total_steps:
        first, started = state.step + 1, time.perf_counter()
        rows: list[Tensor] = []
        probes: dict[int, Tensor] = {}
        while True:
            probe = Probe(state) if (state.step + 1) % PROBE_EVERY == 0 else None
            rows.append(gan_step(config, state, loss, real))
            if probe is not None:
                probes[state.step] = probe.measure()
            stopping = stop()
            full = len(rows) >= block_steps or time.perf_counter() - started > block_seconds
            if stopping or full or state.step in pauses or state.step >= total_steps:
                break
        block = _block(state, first, rows, probes, started, last=state.step >= total_steps)
        yield block
        if stopping or block.diverged_at is not None:
            return


def _block(
    state: GanState, first: int, rows: list[Tensor], probes: dict[int, Tensor], started: float, *, last: bool
) -> Block:
    """Bring a block's measurements to the host, cut off behind the first step that went wrong.

    A weight that is not finite makes the next step's losses so; only after the last step are the weights asked.
    """
    table = torch.stack(rows).cpu().double().numpy()
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    diverged_at = first + int(bad[0]) if len(bad) else None
    if diverged_at is None and last and not _weights_finite(state):
        diverged_at = state.step
    end = state.step if diverged_at is None else diverged_at
    kept = {step: values for step, values in probes.items() if step <= end}
    probed = torch.stack(list(kept.values())).cpu().double().numpy() if kept else np.empty((0, 4))
    return Block(
        steps=range(first, end + 1),
        metrics={name: table[: end + 1 - first, column] for column, name in enumerate(STEP_SERIES)},
        probe_steps=list(kept),
        probes={name: probed[:, column] for column, name in enumerate(PROBE_SERIES)},
        seconds=(time.perf_counter() - started) * (end + 1 - first) / len(rows),
        diverged_at=diverged_at,
    )


def _weights_finite(state: GanState) -> bool:
    """Whether every weight and statistic is finite."""
    tensors = [*state.generator.state_dict().values(), *state.discriminator.state_dict().values()]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all().item())


@torch.inference_mode()
def generate(generator: nn.Module, z: Tensor, *, batch_size: int = 256) -> NDArray[np.uint8]:
    """Images (len(z), H, W, C) uint8 for latent vectors z (N, latent_dim).

    In evaluation mode (BatchNorm's running statistics), so that an image depends on its own z alone and nothing in
    the network changes. Non-finite pixels, which only a diverged network makes, come out black.
    """
    device = next(generator.parameters()).device
    was_training = generator.training
    generator.eval()
    try:
        chunks = [to_uint8(generator(chunk.to(device))) for chunk in torch.split(z, batch_size)]
    finally:
        generator.train(was_training)
    return np.concatenate(chunks)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """(B, C, H, W) in [-1, 1] -> (B, H, W, C) uint8, rounded."""
    levels = images.float().nan_to_num(-1.0).add(1).mul(127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
