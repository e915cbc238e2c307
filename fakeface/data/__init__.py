"""Data sets: each becomes one uint8 array cached on disk, with a digest. Training reads that array only."""

# The data sets register themselves on import, in the order in which they are listed to the user.
from fakeface.data import synthetic, folder, celeba, lfw  # isort: skip  # noqa: F401
from fakeface.data._base import DATASETS, Batch, Dataset, ImageSet, Skipped, Source, training_indices
from fakeface.data._cache import find, prepare

__all__ = [
    "DATASETS",
    "Batch",
    "Dataset",
    "ImageSet",
    "Skipped",
    "Source",
    "find",
    "prepare",
    "training_indices",
]
