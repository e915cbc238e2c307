"""From a job to its weights. A job's identity contains this file's functions and all that they reach.

Nothing else may stand between a job and its training: the session and the audit call these functions.

A job whose `train.seeds` give streams seeds of their own has functions of its own. So they are in its identity, and in
no other job's.
"""

from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch

from fakeface.config import SeedsConfig, TrainingConfig
from fakeface.data import ImageSet, training_indices, training_size
from fakeface.gan import training
from fakeface.gan.batches import RealImages, SeparateNoise
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


def begin_apart(job: "Job", device: torch.device) -> GanState:
    """`begin` with the seed that `train.seeds` gives the initial weights."""
    own = job.config.train.seeds.weights
    return GanState.create(job.config, job.seed if own is None else own, device)


def take_steps_apart(
    job: "Job",
    images: ImageSet,
    state: GanState,
    device: torch.device,
    *,
    until: int | None = None,
    pauses: Container[int] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Block]:
    """`take_steps` with the seeds that `train.seeds` gives the order of the images and the noise."""
    config, count, own = job.config, len(images.images), job.config.train.seeds
    order, noise = (job.seed if seed is None else seed for seed in (own.data, own.noise))
    ordered = RealImages(
        images.images,
        training_indices(count, config.data, order),
        scaling=config.data.scaling,
        batch_size=config.train.batch_size,
        seed=order,
        device=device,
    )
    real = SeparateNoise(ordered, noise)
    last = total_steps(config, count) if until is None else until
    yield from training.train(config, state, real, last, pauses=pauses, stop=stop)


class Way(NamedTuple):
    """From a job to its weights."""

    begin: Callable[["Job", torch.device], GanState]
    take_steps: Callable[..., Iterator[Block]]


def way_of(config: TrainingConfig) -> Way:
    """The functions that train a job with this configuration."""
    return (
        Way(begin, take_steps) if config.train.seeds == SeedsConfig() else Way(begin_apart, take_steps_apart)
    )
