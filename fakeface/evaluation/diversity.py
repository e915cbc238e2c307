"""How different samples are from each other and how much of the real images' variety they have. Needs no network.

    diversity      = mean over pairs i < j of |lᵢ - lⱼ|
    shape distance = mean over samples i that are not blank of the distance of lᵢ to the nearest real image
    coverage       = Σ over cells k of min(pₖ, qₖ)

lᵢ is the layout of image i (`fakeface.evaluation.pixels`), |·| its root mean square difference. The cells are those of
some real images: an image belongs to the nearest of them. pₖ is the share of the real images in cell k, qₖ that of the
samples, so that coverage is 1 less the total variation between the two. A generator of one class fills the cells of
that class alone, though no two of its samples are alike.

Mean pairwise distance is a low-resolution version of the MS-SSIM diversity of Odena et al., 2017 (arXiv 1610.09585).
Counting samples in cells of the real images is the binning of Richardson & Weiss, "On GANs and GMMs", 2018 (arXiv
1805.12462), and the distance to the nearest real image the core of precision (`precision_recall`).

Layouts (N, 64) -> one number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.spatial.distance

from fakeface.evaluation.pixels import Array

CELLS = 128
"""Real images that make cells: enough for ten repeated images to miss nine tenths of them."""
PARTITIONS = 4
"""Draws of those images, whose coverage is averaged: of one draw it varies by up to a tenth of its value."""
PAIRED_IMAGES = 1_000
"""Images behind a mean over pairs: half a million pairs, whose mean is known to a per cent."""
_BLANK = 0.25
"""Mean square of a layout, of other pictures 1, below which the picture is one colour but for rounding."""


def pairwise_distance(layouts: Array) -> float:
    """Mean root mean square difference over all pairs of the first 1,000 layouts (N, d), N >= 2."""
    some = layouts[:PAIRED_IMAGES]
    return float(scipy.spatial.distance.pdist(some).mean() / np.sqrt(some.shape[1]))


def shape_distance(layouts: Array, real: Array) -> float:
    """Mean root mean square difference of layouts (N, d) from the nearest of real ones (M, d); 0 if all are blank."""
    shaped = layouts[np.mean(layouts**2, axis=1) > _BLANK]
    if not len(shaped):
        return 0.0
    distances = scipy.spatial.distance.cdist(shaped, real)
    return float(distances.min(axis=1).mean() / np.sqrt(layouts.shape[1]))


@dataclass(frozen=True, eq=False)
class Cells:
    """One division of the real images into cells."""

    centres: Array
    """(K, d) real layouts."""
    shares: Array
    """(K,) of the real images."""

    def shares_of(self, layouts: Array) -> Array:
        """The share (K,) of layouts (N, d) in each cell."""
        return _shares(layouts, self.centres)


def divide(real: Array, random: np.random.Generator) -> tuple[Cells, ...]:
    """Divisions of real layouts (M, d) into 128 cells, or M / 2 if that is less."""
    count = max(1, min(CELLS, len(real) // 2))
    chosen = [real[random.permutation(len(real))[:count]] for _ in range(PARTITIONS)]
    return tuple(Cells(centres, _shares(real, centres)) for centres in chosen)


def coverage(layouts: Array, divisions: Sequence[Cells]) -> float:
    """The overlap in [0, 1] of layouts (N, d) with the real images, the mean over the divisions."""
    return float(np.mean([np.minimum(cells.shares_of(layouts), cells.shares).sum() for cells in divisions]))


def _shares(layouts: Array, centres: Array) -> Array:
    nearest = scipy.spatial.distance.cdist(layouts, centres).argmin(axis=1)
    shares: Array = np.bincount(nearest, minlength=len(centres)) / len(layouts)
    return shares
