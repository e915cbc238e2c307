"""The series that the training loop logs: their names and records. Imports no torch, so readers of journals can use it.

The names are those of PyTorch's `examples/dcgan`: Loss_D, Loss_G, D(x), D(G(z)).
"""

from fakeface.measures import Better, Measure, Scale

SERIES: dict[str, Measure] = {}
"""The record of every series that a training logs, by its name."""


def _series(
    name: str,
    heading: str,
    *,
    better: Better = Better.NEITHER,
    unit: str = "",
    scale: Scale = Scale.LINEAR,
) -> str:
    SERIES[name] = Measure(name, heading, better, unit, scale=scale)
    return name


LOSS_D = _series("Loss_D", "loss of the discriminator", better=Better.LOWER, unit="nats", scale=Scale.SIGNED)
LOSS_D_REAL = _series(
    "Loss_D_real", "its part on real images", better=Better.LOWER, unit="nats", scale=Scale.SIGNED
)
LOSS_D_FAKE = _series(
    "Loss_D_fake", "its part on generated images", better=Better.LOWER, unit="nats", scale=Scale.SIGNED
)
LOSS_G = _series("Loss_G", "loss of the generator", better=Better.LOWER, unit="nats", scale=Scale.SIGNED)
D_X = _series("D(x)", "mean output of D on real images")
D_G_Z_BEFORE = _series("D(G(z))_before", "mean output of D on generated images, before G's step")
D_G_Z_AFTER = _series("D(G(z))_after", "mean output of D on the same images, after D's step")
ACCURACY_REAL = _series("accuracy_real", "share of real images that D calls real")
ACCURACY_FAKE = _series("accuracy_fake", "share of generated images that D calls generated")
STEP_SERIES = (
    LOSS_D, LOSS_D_REAL, LOSS_D_FAKE, LOSS_G, D_X, D_G_Z_BEFORE, D_G_Z_AFTER, ACCURACY_REAL, ACCURACY_FAKE
)  # fmt: skip
"""Logged at each step, in the order in which `gan_step` returns them."""

GRAD_NORM = {
    net: _series(f"grad_norm_{net}", f"norm of {net}'s gradient", scale=Scale.LOG) for net in ("G", "D")
}
UPDATE_RATIO = {
    net: _series(f"update_ratio_{net}", f"|update| / |weights| of {net}", scale=Scale.LOG)
    for net in ("G", "D")
}
PROBE_SERIES = (*GRAD_NORM.values(), *UPDATE_RATIO.values())
"""Logged at each probe, in the order in which `Probe.measure` returns them."""

OF_THE_OBJECTIVE = frozenset({LOSS_D, LOSS_D_REAL, LOSS_D_FAKE, LOSS_G, *GRAD_NORM.values()})
"""Series whose values compare only between trainings with the same objective."""
OUTPUTS_OF_D = frozenset({D_X, D_G_Z_BEFORE, D_G_Z_AFTER})
"""Series that compare between objectives where both are probabilities."""

IMAGES_PER_SECOND = "images_per_second"
"""A clock, not a measure of the GAN: logged at the end of each block."""
