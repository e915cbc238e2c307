"""What a feature extractor is: pictures in, vectors out, under a protocol that is recorded with every score.

Images (N, H, W, C) uint8, C in {1, 3} -> features (N, d) float32. Greyscale is repeated to three channels.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fakeface.config import EvaluationConfig
from fakeface.errors import UserError
from fakeface.evaluation.measures import curve_metric
from fakeface.evaluation.pixels import Images, check_images
from fakeface.registry import Registry
from fakeface.scores import ScoreKind, curve_samples

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""

_GPU_BATCH = 256
_CPU_BATCH = 32  # the activations of more do not fit into the cache: 32 was fastest on two cores


class Extractor(ABC):
    """A registered extractor. The class itself holds all that its numbers depend on; creating one loads the weights.

    Args:
        weights_path: a file with the weights; None: the extractor finds or downloads them.
        device: where it runs.

    Raises:
        UserError: the weights are not available, or not the ones that the protocol names.
    """

    name: ClassVar[str]
    metric: ClassVar[str]
    """Name of the Fréchet distance in these features."""
    dimension: ClassVar[int]
    protocol: ClassVar[dict[str, Any]]
    """Extractor, weights, input size, resize, values, layer: JSON values."""
    weights_sha256: ClassVar[str]
    """The first digits of the weights file's SHA-256."""

    @classmethod
    def weights_file(cls, weights_path: str | None) -> Path | None:
        """The file of the weights, whether it is there or not; None where a package brings them."""
        return None if weights_path is None else Path(weights_path)

    @abstractmethod
    def __init__(self, weights_path: str | None = None, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)

    def __call__(self, images: Images, progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Features (N, d) of images (N, H, W, C) uint8, on the host. Raises UserError for other images."""
        check_images(images)
        batch_size = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH
        features = np.empty((len(images), self.dimension), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), batch_size):
                batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
                # (B, H, W, C) -> (B, C, H, W) is channels_last without a copy.
                pixels = batch.to(self.device).permute(0, 3, 1, 2)
                features[start : start + len(batch)] = self._forward(pixels).cpu().numpy()
                if progress is not None:
                    progress(start + len(batch), len(images))
        return features

    @abstractmethod
    def _forward(self, pixels: Tensor) -> Tensor:
        """uint8 (B, C, H, W) in channels_last -> float32 (B, d)."""


EXTRACTORS: Registry[type[Extractor]] = Registry("extractor")


def protocol_of(config: EvaluationConfig) -> dict[str, Any]:
    """Everything that the final Fréchet distance depends on besides the two sets of images, as JSON values.

    Two distances may be compared only if it is equal. Raises UnknownComponent.
    """
    extractor = EXTRACTORS[config.extractor]
    return {
        **extractor.protocol,
        "metric": extractor.metric,
        "num_samples": config.num_samples,
        "num_reference": config.num_reference,
    }


def protocols_of(config: EvaluationConfig) -> dict[ScoreKind, dict[str, Any]]:
    """The protocol of each kind of score that is taken. Raises UnknownComponent."""
    final = protocol_of(config)
    samples = curve_samples(config, EXTRACTORS[config.extractor].dimension)
    if not samples:
        return {ScoreKind.FINAL: final}
    curve = final | {"metric": curve_metric(final["metric"], samples), "num_samples": samples}
    return {ScoreKind.CURVE: curve, ScoreKind.FINAL: final}


def read_weights(path: Path, sha256_prefix: str) -> dict[str, Tensor]:
    """A state dict from a file whose digest is known. Executes no code from it.

    Raises:
        UserError: no such file, another file than the protocol's, or one that holds more than tensors.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot read the weights: {error.strerror}") from error
    if not digest.startswith(sha256_prefix):
        raise UserError(
            f"{path}: not the weights that the metric's name requires: SHA-256 {digest[:8]}..., expected "
            f"{sha256_prefix}... (a damaged or incomplete file, or other weights)"
        )
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many types for a file of the wrong kind
        raise UserError(f"{path}: not a file of weights that can be read safely: {error}") from error
    return state
