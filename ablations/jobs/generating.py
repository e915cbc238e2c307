"""New images from the weights that a job kept."""

import shlex

import numpy as np
from numpy.typing import NDArray

from ablations.jobs import machine
from ablations.jobs.kept import kept_weights
from ablations.jobs.plan import Job
from ablations.jobs.status import state_of
from ablations.store import Store, kept_steps
from fakeface.errors import UserError
from fakeface.gan import sampling
from fakeface.gan.step import GanState
from fakeface.randomness import latent_noise


def generate(
    job: Job, store: Store, *, count: int, noise_seed: int, step: int | None = None
) -> NDArray[np.uint8]:
    """Images (count, H, W, C) of the job's generator, on the CPU.

    Args:
        noise_seed: seed of the latent vectors.
        step: a step at which the weights were kept; by default the last.

    Raises:
        UserError: no weights were kept, or none at this step.
    """
    state = state_of(job, store)
    kept = kept_steps(state.folder) if state.folder else []
    if state.folder is None or state.history is None or not kept:
        raise UserError(
            f"{job.name}: no weights are kept yet ({state.status}); `ablate run --run {shlex.quote(job.run)}` trains it"
        )
    step = kept[-1] if step is None else step
    if step not in kept:
        raise UserError(
            f"{job.name}: no weights were kept at step {step} (kept: {', '.join(map(str, kept))})"
        )
    generator = GanState.create(job.config, job.seed, machine.select_device("cpu")).generator
    identity = job.identity if job.data_digest else state.history.job["identity"]
    generator.load_state_dict(kept_weights(state.folder, step, generator, identity))
    z = latent_noise("generate", noise_seed, 0, count, job.config.network.latent_dim)
    return sampling.generate(generator, z)
