"""Scores of generators under one protocol. Reference and extractor are loaded once and shared by all jobs."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from ablations.jobs.identity import code_digests
from ablations.jobs.plan import Job
from fakeface.config import EvaluationConfig, canonical_digest
from fakeface.data import ImageSet
from fakeface.evaluation import (
    EXTRACTORS,
    Extractor,
    RealStatistics,
    Reference,
    draw,
    floor_of,
    frechet_distance,
    keep,
    measure_quality,
    real_statistics,
    reference,
    sample_features,
    statistics,
)
from fakeface.randomness import latent_noise

CountProgress = Callable[[int, int], None]


class Scorer:
    """One protocol on one data set.

    Args:
        images: the full real set, whatever subset a job trains on.
        cache: where reference statistics are kept, by the digests of data, protocol and code.
    """

    def __init__(self, images: ImageSet, config: EvaluationConfig, cache: Path, device: torch.device) -> None:
        self.images, self.config, self.cache, self.device = images, config, cache, device
        self._reference: Reference | None = None

    @cached_property
    def real(self) -> RealStatistics:
        """What the measures without a network compare samples with."""
        return real_statistics(self.images.images)

    @cached_property
    def extractor(self) -> Extractor:
        return EXTRACTORS[self.config.extractor](self.config.weights_path, self.device)

    @property
    def reference(self) -> Reference:
        return self.prepare(None)

    def prepare(self, progress: CountProgress | None) -> Reference:
        """Extract the reference's features, once and where they are not cached. Raises UserError without weights."""
        if self._reference is None:
            makers = code_digests([EXTRACTORS[self.config.extractor], draw, statistics, keep])
            self._reference = reference(
                self.images.images, self.images.digest, self.config, self.cache, progress,
                device=self.device, code=canonical_digest(makers),
            )  # fmt: skip
        return self._reference

    @cached_property
    def floor(self) -> dict[str, float]:
        """What real images score, the same beside every job's score."""
        return floor_of(self.reference, self.config.num_samples)

    def score(self, generator: nn.Module, job: Job, *, final: bool) -> dict[str, float]:
        """The Fréchet distance of `num_samples` samples, the same latent vectors at each step, by its metric's name.

        NaN where the generator has diverged.

        Args:
            final: give all that can be said of these samples, by `fakeface.measures.quality_names`: a second or two
                more, spent once a job.
        """
        z = latent_noise("evaluation", job.seed, 0, self.config.num_samples, job.config.network.latent_dim)
        features = sample_features(generator, z, self.extractor)
        distance = frechet_distance(statistics(features), self.reference.features)
        values = {self.reference.metric: distance}
        return values | measure_quality(features, self.reference) | self.floor if final else values


class Scorers:
    """The scorers of one command, one for each data set and protocol among its jobs."""

    def __init__(self, images: Callable[[Job], ImageSet], cache: Path, device: torch.device) -> None:
        self.images, self.cache, self.device = images, cache, device
        self._scorers: dict[tuple[str, str], Scorer] = {}

    def __call__(self, job: Job) -> Scorer:
        images = self.images(job)
        key = (images.digest, canonical_digest(job.protocol))
        if key not in self._scorers:
            self._scorers[key] = Scorer(images, job.config.evaluation, self.cache, self.device)
        return self._scorers[key]
