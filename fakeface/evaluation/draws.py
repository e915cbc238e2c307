"""Which images and features are drawn where not all are used: the same ones at every call."""

import numpy as np
import numpy.typing as npt

from fakeface.evaluation.frechet_interval import Features

_DRAW_SEED = 20_150_205
KEPT_FEATURES = 5_000
"""Real images whose features are kept: of 2,048 numbers each they take 41 MB, where 50,000 would take 410."""


def draw(total: int, count: int) -> npt.NDArray[np.int64]:
    """Sorted indices of `count` of `total` images, the same ones every time; all where there are no more."""
    if count >= total:
        return np.arange(total)
    chosen = np.random.default_rng(_DRAW_SEED).choice(total, count, replace=False)
    return np.sort(chosen)


def keep(features: Features) -> Features:
    """The features (m, d) that a reference keeps of (M, d): the same at every call."""
    return features[draw(len(features), KEPT_FEATURES)]
