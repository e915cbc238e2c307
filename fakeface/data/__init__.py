"""Data sets: each becomes one uint8 array cached on disk, with a digest. Training reads that array only.

A data set of your own registers in `DATASETS` and gives a `Source`, which returns
`Batch`es of images, with the files that it `Skipped`.
"""

# The data sets register themselves on import, in the order in which they are listed to the user.
from fakeface.data import synthetic, folder, celeba, lfw  # isort: skip  # noqa: F401
from fakeface.data._base import DATASETS, Batch, ImageSet, Skipped, Source, training_indices, training_size
from fakeface.data._cache import find, prepare
from fakeface.data._tree import STORE_MARK

__all__ = [
    "DATASETS",
    "STORE_MARK",
    "Batch",
    "ImageSet",
    "Skipped",
    "Source",
    "find",
    "prepare",
    "training_indices",
    "training_size",
]
