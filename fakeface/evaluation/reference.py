"""The real images as one evaluation protocol sees them: what generated samples are compared with.

Cached by the digests of the data, of the protocol and of the code that makes it, as an .npz without pickle.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fakeface.config import EvaluationConfig, canonical_digest
from fakeface.evaluation.extractors import EXTRACTORS, Progress, protocol_of
from fakeface.evaluation.floor import distance_of_halves
from fakeface.evaluation.frechet import Statistics, statistics
from fakeface.evaluation.frechet_interval import Features
from fakeface.evaluation.pixels import Images
from fakeface.evaluation.subsets import kept_features, subset
from fakeface.files import os_errors, whole_file


@dataclass(frozen=True, eq=False)
class Reference:
    """The real images as one evaluation protocol sees them."""

    metric: str
    features: Statistics
    """Of all the real images that the protocol draws."""
    drawn: Features
    """The features themselves (m, d) float32, of at most 5,000 of these images."""
    halves: float
    """The Fréchet distance of one half of these images from the other; NaN with fewer than 4 a feature."""


def compute_reference(
    images: Images, config: EvaluationConfig, device: str | torch.device, progress: Progress | None
) -> Reference:
    """The reference of real images (N, H, W, C) uint8. Raises UserError where the extractor has no weights."""
    kind = EXTRACTORS[config.extractor]
    drawn = images[subset(len(images), config.num_reference)]
    features = kind(config.weights_path, device)(drawn, progress)
    return Reference(kind.metric, statistics(features), kept_features(features), distance_of_halves(features))


def reference(
    images: Images,
    data_digest: str,
    config: EvaluationConfig,
    cache: Path,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
    *,
    code: str,
) -> Reference:
    """The reference of the full set of real images (N, H, W, C) uint8, from the cache or computed.

    The extractor is loaded only if `cache` lacks the reference or holds a damaged file. Every number of samples shares
    it.

    Args:
        data_digest: of the images' pixels.
        code: a digest of the code behind `compute_reference`. Samples scored by changed code must not be compared with
            a reference that the earlier code left in the cache.

    Raises:
        UserError: unsuitable images, no weights, or a cache that cannot be written.
    """
    made_by = {"protocol": _reference_protocol(config), "code": code}
    path = cache / f"{data_digest[:16]}-{canonical_digest(made_by)[:16]}.npz"
    key = canonical_digest({"data": data_digest, **made_by})
    found = _load(path, key, EXTRACTORS[config.extractor].metric)
    if found is None:
        found = compute_reference(images, config, device, progress)
        _save(path, key, found)
    return found


def _reference_protocol(config: EvaluationConfig) -> dict[str, Any]:
    """The part of the protocol that the real images' statistics depend on."""
    return {key: value for key, value in protocol_of(config).items() if key != "num_samples"}


def _content_digest(key: str, found: Reference) -> str:
    real, drawn = found.features, found.drawn
    content = hashlib.sha256(
        f"{key} {real.n} {real.mean.shape} {drawn.shape} {drawn.dtype} {found.halves}".encode()
    )
    for array in (real.mean, real.covariance, real.root, drawn):
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def _load(path: Path, key: str, metric: str) -> Reference | None:
    """The reference at `path`; None where there is no such file, or it is damaged or of another key."""
    try:
        with np.load(path, allow_pickle=False) as file:
            features = Statistics.with_root(file["mean"], file["covariance"], int(file["n"]), file["root"])
            found = Reference(metric, features, file["drawn"], float(file["halves"]))
            intact = str(file["sha256"]) == _content_digest(key, found)
    except Exception:  # a damaged archive raises anything from BadZipFile to ValueError
        return None
    return found if intact else None


def _save(path: Path, key: str, found: Reference) -> None:
    with os_errors(path.parent, "keep the statistics of the real images"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            np.savez(
                file,
                mean=found.features.mean,
                covariance=found.features.covariance,
                root=found.features.root,
                n=np.int64(found.features.n),
                drawn=found.drawn,
                halves=np.float64(found.halves),
                sha256=np.str_(_content_digest(key, found)),
            )
