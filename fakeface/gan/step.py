"""The GAN step, on one screen.

After PyTorch's `examples/dcgan/main.py`: `d_steps` discriminator steps (a real batch, then a detached fake batch), then
one generator step on the same fakes.
"""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn, optim

from fakeface.config import AugmentConfig, OptimizerConfig, TrainingConfig
from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.gan.averaging import average_into
from fakeface.gan.batches import GanBatch, RealImages
from fakeface.gan.initializers import INITIALIZERS, plain_parameters
from fakeface.gan.losses import GanLoss
from fakeface.gan.networks import NETWORKS
from fakeface.gan.objective import Objective
from fakeface.gan.optimizers import build_optimizer
from fakeface.gan.optimizers.clipping import clip_gradients
from fakeface.gan.probe import NetworkName, Probe
from fakeface.randomness import latent_noise, stream


@dataclass
class GanState:
    """All that the next step depends on, except the settings, the seed and the images."""

    generator: nn.Module
    discriminator: nn.Module
    optimizer_g: optim.Optimizer
    optimizer_d: optim.Optimizer
    average: nn.Module | None = None
    """The moving average of G, where `train.ema_decay` asks for one."""
    step: int = 0
    """Generator steps taken."""

    @classmethod
    def create(cls, config: TrainingConfig, seed: int, device: torch.device) -> "GanState":
        """Fresh networks and optimizers. The weights are drawn on the CPU, so they are the same on every device."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(stream("weights", seed).get_state())
            networks = NETWORKS.build(config.network.name, config.network.options, config)
        for index, network in enumerate(networks):
            with plain_parameters(network):
                INITIALIZERS.build(
                    config.init.name, config.init.options, network, stream("initializer", seed, index)
                )
            network.to(device=device, memory_format=torch.channels_last)
        generator, discriminator = networks
        return cls(
            generator,
            discriminator,
            build_optimizer(config.optimizer.for_network("G"), generator.parameters()),
            build_optimizer(config.optimizer.for_network("D"), discriminator.parameters()),
            copy.deepcopy(generator) if config.train.ema_decay else None,
        )

    @property
    def sampler(self) -> nn.Module:
        """The generator of samples, scores and kept weights: the average of G where there is one, else G."""
        return self.generator if self.average is None else self.average

    @property
    def networks(self) -> list[nn.Module]:
        """Everything with weights."""
        return [n for n in (self.generator, self.discriminator, self.average) if n is not None]


def warm_up(optimizer: optim.Optimizer, warmup_steps: int, step: int) -> None:
    """Linear warm-up (Goyal et al. 2017, arXiv 1706.02677): lr_k = lr min(1, k / warmup_steps), k = `step` from 1.

    Call it before an optimizer's step. It follows from the number of the step, so there is nothing to restore.
    """
    if warmup_steps:
        for group in optimizer.param_groups:
            group["lr"] = optimizer.defaults["lr"] * min(1.0, step / warmup_steps)


def accuracies(loss: GanLoss, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of D's outputs (B,) on real and on generated images that are on their side of the loss's boundary."""
    boundary = (real.mean() + fake.mean()) / 2 if loss.boundary is None else loss.boundary
    return (real > boundary).float().mean(), (fake < boundary).float().mean()


def take_step(
    optimizer: optim.Optimizer, settings: OptimizerConfig, network: NetworkName, probe: Probe | None
) -> None:
    """A step along the gradient that the network holds, which is measured and then clipped."""
    if probe is not None:
        probe.see_gradient(network)
    clip_gradients(
        [weight for group in optimizer.param_groups for weight in group["params"]],
        norm=settings.of("clip_norm", network),
        value=settings.of("clip_value", network),
    )
    optimizer.step()


def augmented(config: AugmentConfig, images: Tensor, name: str, seed: int, number: int) -> Tensor:
    """Images as D sees them in the step `number` of D, with random numbers of their own under a name."""
    draws = stream(f"augmentation/{name}", seed, number)
    result: Tensor = AUGMENTATIONS.build(config.name, config.options, images, draws)
    return result


def train_discriminator(
    settings: OptimizerConfig, state: GanState, objective: Objective, batch: GanBatch, probe: Probe | None
) -> list[Tensor]:
    """Minimise Loss_D over D by one step; G does not change.

    With the non-saturating loss, Loss_D = -E log D(x) - E log(1 - D(G(z))).
    """
    loss = objective.loss
    state.optimizer_d.zero_grad(set_to_none=True)
    loss_real, loss_fake = loss.discriminator(batch)
    loss_d = sum(objective.penalties(batch), start=loss_real + loss_fake)
    loss_d.backward()  # type: ignore[no-untyped-call]
    take_step(state.optimizer_d, settings, "D", probe)
    loss.constrain(state.discriminator)
    with torch.no_grad():
        real, fake = batch.real_outputs, batch.fake_outputs
        d_x, d_g_z = loss.probability(real).mean(), loss.probability(fake).mean()
        right = accuracies(loss, real, fake)
    return [loss_d.detach(), loss_real.detach(), loss_fake.detach(), d_x, d_g_z, *right]


def train_generator(
    settings: OptimizerConfig, state: GanState, objective: Objective, batch: GanBatch, probe: Probe | None
) -> list[Tensor]:
    """Minimise Loss_G over G by one step, on the fakes of D's last step.

    With the non-saturating loss, Loss_G = -E log D(G(z)). D's weights need no gradient here, only its input does, which
    saves a third of D's backward pass.
    """
    state.optimizer_g.zero_grad(set_to_none=True)
    state.discriminator.requires_grad_(False)
    loss_g = objective.loss.generator(batch)
    loss_g.backward()  # type: ignore[no-untyped-call]
    state.discriminator.requires_grad_(True)
    take_step(state.optimizer_g, settings, "G", probe)
    return [loss_g.detach(), objective.loss.probability(batch.fake_outputs.detach()).mean()]


def gan_step(
    config: TrainingConfig,
    state: GanState,
    objective: Objective,
    real: RealImages,
    probe: Probe | None = None,
) -> Tensor:
    """`d_steps` steps of D, one of G. Returns the STEP_SERIES, shape (9,), on the device; D's are its last step's."""
    optimizer = config.optimizer
    for d_step in range(config.train.d_steps):
        number = state.step * config.train.d_steps + d_step
        z = latent_noise("latent", real.seed, number, config.train.batch_size, config.network.latent_dim)
        fakes = state.generator(z.to(real.device, non_blocking=True)).float()
        seen = augmented(config.augment, real.batch(number), "real", real.seed, number)
        fakes = augmented(config.augment, fakes, "generated", real.seed, number)
        batch = GanBatch(state.discriminator, seen, fakes, real.seed, number)
        warm_up(state.optimizer_d, optimizer.of("warmup_steps", "D"), number + 1)
        of_d = train_discriminator(optimizer, state, objective, replace(batch, fake=fakes.detach()), probe)
    total, loss_real, loss_fake, d_x, d_g_z_before, right_real, right_fake = of_d
    warm_up(state.optimizer_g, optimizer.of("warmup_steps", "G"), state.step + 1)
    loss_g, d_g_z_after = train_generator(optimizer, state, objective, batch, probe)
    if state.average is not None:
        average_into(state.average, state.generator, config.train.ema_decay)
    state.step += 1
    return torch.stack(
        [total, loss_real, loss_fake, loss_g, d_x, d_g_z_before, d_g_z_after, right_real, right_fake]
    )
