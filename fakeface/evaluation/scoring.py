"""A generator -> its scores under one protocol. The scores of a diverged generator are NaN."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fakeface.config import EvaluationConfig
from fakeface.data import ImageSet
from fakeface.evaluation.extractors import EXTRACTORS, Extractor, Progress, protocols_of
from fakeface.evaluation.measures import ScoredSamples, score
from fakeface.evaluation.reference import Reference, reference
from fakeface.gan import sampling
from fakeface.randomness import latent_noise
from fakeface.scores import ScoreKind


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

    def score(
        self, generator: nn.Module, kinds: Collection[ScoreKind], *, seed: int, latent_dim: int
    ) -> dict[ScoreKind, dict[str, float]]:
        """The measures of some kinds of scores, by the names under which they are journaled.

        The latent vectors are the same at each step, and a score along the run has the first ones of the final score.
        The Fréchet distance is always among the names.
        """
        counts = {kind: protocols_of(self.config)[kind]["num_samples"] for kind in kinds}
        z = latent_noise("evaluation", seed, 0, self.config.num_samples, latent_dim)[: max(counts.values())]
        features = sample_features(generator, z, self.extractor)
        found = {}
        for kind, count in counts.items():
            final = kind is ScoreKind.FINAL
            make_images = partial(sampling.generate, generator, z[:count])
            samples = ScoredSamples(features[:count], final=final, make_images=make_images)
            found[kind] = score(samples, self.reference if final else self._curve_reference)
        return found

    @cached_property
    def _curve_reference(self) -> Reference:
        """The same real images under the name that scores along a run have."""
        return replace(self.reference, metric=protocols_of(self.config)[ScoreKind.CURVE]["metric"])
