"""How different the samples are from each other, compared with real images. Needs no network.

    diversity        = mean over pairs i < j of |tᵢ - tⱼ| among the samples / the same among real images
    duplicate share  = share of samples with another one, in a group of 64, nearer than 0.15 of what two
                       real images are apart on average

tᵢ is the 8x8 thumbnail of image i, |·| its root mean square difference. Thumbnails, because noise added to one face is
not diversity. Ten repeated images are diverse by the first measure, and duplicates by the second. The mean pairwise
distance is a low-resolution version of the MS-SSIM diversity of Odena et al., 2017 (arXiv 1610.09585); counting
duplicates is the birthday paradox test of Arora & Zhang, 2017 (arXiv 1706.08224).

Thumbnails (N, d) in [0, 1] -> one number.
"""

import numpy as np
import scipy.spatial.distance

from fakeface.evaluation.pixels import Array

GROUP = 64
"""Images per group in the search for duplicates: fixed, since the nearest of more images is nearer."""
DUPLICATE_DISTANCE = 0.15
"""As a share of the real mean pairwise distance. The nearest of 64 real faces is at about 0.4, noise of 5 levels
0.01."""
PAIRED_IMAGES = 1_000
"""Images behind a mean over pairs: half a million pairs, whose mean is known to a per cent."""


def pairwise_distance(thumbnails: Array) -> float:
    """Mean root mean square difference over all pairs of the first 1,000 thumbnails (N, d), N >= 2, in [0, 1]."""
    some = thumbnails[:PAIRED_IMAGES]
    return float(scipy.spatial.distance.pdist(some).mean() / np.sqrt(some.shape[1]))


def duplicate_share(thumbnails: Array, real_distance: float) -> float:
    """Share in [0, 1] of the thumbnails (N, d), N >= 2, that have a near twin in their group of 64.

    `real_distance` is the real images' `pairwise_distance`.
    """
    limit = DUPLICATE_DISTANCE * real_distance * np.sqrt(thumbnails.shape[1])
    twins = 0
    for start in range(0, len(thumbnails), GROUP):
        # The last group is filled up from the one before it: few images alone would rarely contain a twin.
        first = max(0, min(start, len(thumbnails) - GROUP))
        group = thumbnails[first : first + GROUP]
        distances = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(group))
        np.fill_diagonal(distances, np.inf)
        twins += int((distances[start - first :].min(axis=1) <= limit).sum())
    return twins / len(thumbnails)
