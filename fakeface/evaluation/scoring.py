"""A generator -> its score under one protocol. The score of a diverged generator is NaN."""

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fakeface.config import EvaluationConfig
from fakeface.data import ImageSet
from fakeface.evaluation.extractors import EXTRACTORS, Extractor, Progress
from fakeface.evaluation.measures import ScoredSamples, score
from fakeface.evaluation.reference import Reference, reference
from fakeface.gan import sampling
from fakeface.randomness import latent_noise


def sample_features(generator: nn.Module, z: torch.Tensor, extractor: Extractor) -> npt.NDArray[np.float32]:
    """Features (N, d) of the images that a generator makes of latent vectors z (N, latent_dim).

    All NaN if the generator's state is not finite: its pictures are black, and a score of them would mean nothing.
    """
    features = extractor(sampling.generate(generator, z))
    if not all(torch.isfinite(tensor).all() for tensor in generator.state_dict().values()):
        features[:] = np.nan
    return features


class Scorer:
    """Scores generators under one protocol on one data set. Loads the extractor and the reference once.

    Args:
        images: the full real set, also if a training uses a subset.
        cache: folder of the references, which are named by the digests of data, protocol and code.
        code: digest of the code behind `compute_reference`.
    """

    def __init__(
        self, images: ImageSet, config: EvaluationConfig, cache: Path, device: torch.device, *, code: str
    ) -> None:
        self.images, self.config, self.cache, self.device, self.code = images, config, cache, device, code
        self._reference: Reference | None = None

    @cached_property
    def extractor(self) -> Extractor:
        return EXTRACTORS[self.config.extractor](self.config.weights_path, self.device)

    @property
    def reference(self) -> Reference:
        return self.prepare(None)

    def prepare(self, progress: Progress | None) -> Reference:
        """Load the reference, or compute and cache it. Raises UserError without weights."""
        if self._reference is None:
            self._reference = reference(
                self.images.images, self.images.digest, self.config, self.cache, progress,
                device=self.device, code=self.code,
            )  # fmt: skip
        return self._reference

    def score(self, generator: nn.Module, *, seed: int, latent_dim: int, final: bool) -> dict[str, float]:
        """Every measure of `num_samples` samples, by the names under which they are journaled.

        The latent vectors are the same at each step. The Fréchet distance is always among the names.

        Args:
            final: compute all measures, which takes a second or two; else only those of `every_score`.
        """
        z = latent_noise("evaluation", seed, 0, self.config.num_samples, latent_dim)
        samples = ScoredSamples(
            sample_features(generator, z, self.extractor),
            final=final,
            make_images=lambda: sampling.generate(generator, z),
        )
        return score(samples, self.reference)
