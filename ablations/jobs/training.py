"""From a job to its weights. A job's identity contains this file's functions and all that they reach.

Nothing else may stand between a job and its training: the session and the audit call these functions.
"""

from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING

import torch

from fakeface.config import TrainingConfig
from fakeface.data import ImageSet, training_indices, training_size
from fakeface.gan import training
from fakeface.gan.batches import RealImages
from fakeface.gan.step import GanState
from fakeface.gan.training import Block

if TYPE_CHECKING:
    from ablations.jobs.plan import Job


def total_steps(config: TrainingConfig, num_images: int) -> int:
    """Number of generator steps of a training on a data set of `num_images` images."""
    return config.train.total_steps(training_size(num_images, config.data))


def begin(job: "Job", device: torch.device) -> GanState:
    """The state before the first step."""
    return GanState.create(job.config, job.seed, device)


def take_steps(
    job: "Job",
    images: ImageSet,
    state: GanState,
    device: torch.device,
    *,
    until: int | None = None,
    pauses: Container[int] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Block]:
    """Train `state` in place to the end, or up to the step `until`; see `fakeface.gan.training.train`."""
    config, count = job.config, len(images.images)
    real = RealImages(
        images.images,
        training_indices(count, config.data, job.seed),
        scaling=config.data.scaling,
        batch_size=config.train.batch_size,
        seed=job.seed,
        device=device,
    )
    last = total_steps(config, count) if until is None else until
    yield from training.train(config, state, real, last, pauses=pauses, stop=stop)
