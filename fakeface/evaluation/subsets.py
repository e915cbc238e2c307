"""Which images and features are used where not all are: the same ones at every call."""

import numpy as np
import numpy.typing as npt

from fakeface.evaluation.frechet_interval import Features

_SEED = 20_150_205
KEPT_FEATURES = 5_000
"""Real images whose features are kept: of 2,048 numbers each they take 41 MB, where 50,000 would take 410."""


def subset(total: int, count: int) -> npt.NDArray[np.int64]:
    """Sorted indices of `count` of `total` images, drawn once for all; all indices if there are no more."""
    if count >= total:
        return np.arange(total)
    chosen = np.random.default_rng(_SEED).choice(total, count, replace=False)
    return np.sort(chosen)


def kept_features(features: Features) -> Features:
    """The features (m, d) that a reference keeps of (M, d), at most 5,000."""
    return features[subset(len(features), KEPT_FEATURES)]
