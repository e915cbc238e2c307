"""What a data set is. A new one is a small file that registers a `Dataset` class, which returns a `Source`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fakeface.config import DataConfig
from fakeface.errors import UserError
from fakeface.registry import Registry

SUBSET_STREAM = 0x5E1EC7
"""Sets the draw of a subset apart from other draws by the same seed."""

Fingerprint = dict[str, tuple[int, int]]
"""Relative file name -> (bytes, modification time in ns), sorted by name; (-1, -1) if unreadable."""


class Skipped(NamedTuple):
    """A file that gave no image."""

    file: str
    """Relative to the data set's folder, with forward slashes."""
    why: str


class Batch(NamedTuple):
    """Some images of a source, in order, and the files that were left out."""

    images: NDArray[np.uint8]
    """(n, size, size, channels)."""
    skipped: tuple[Skipped, ...]
    enlarged: int = 0
    """How many of the images were smaller than `size` in their files."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A prepared data set."""

    images: NDArray[np.uint8]
    """(N, H, W, C), a read-only memory map."""
    digest: str
    """SHA-256 over shape and pixel bytes, 64 hex digits."""
    name: str
    """The registered name."""
    source: str
    """Where the images come from, for people."""
    skipped: tuple[Skipped, ...]
    """The files left out that hold or may hold an image, in order."""
    notes: tuple[str, ...] = ()
    """What is unusual about the images and their files, for people, a line each."""


class SourceMissing(UserError):
    """The folder behind a data set is not there (or is no folder)."""


class Source(Protocol):
    """Where the images of one configuration come from. Subclass it, or have these methods.

    Sent to worker processes, so it must be picklable.
    """

    @property
    def description(self) -> str:
        """For people, and for errors: `folder /data/faces`."""

    def files(self) -> Fingerprint:
        """The files as they are now; empty where images are drawn rather than read.

        Raises:
            SourceMissing: their folder is not there.
        """
        return {}

    def items(self) -> Sequence[str]:
        """One name for each image that may come out, in order.

        Raises:
            UserError: there is none.
        """

    def left_out(self) -> Mapping[str, int]:
        """How many files are not read at all, by kind: `{".txt": 12, "without an ending": 1}`."""
        return {}

    def read(self, items: tuple[str, ...], size: int, channels: int) -> Batch:
        """The images of some items. A bad file is skipped with a reason; it never raises."""


class Dataset(Protocol):
    """A registered class, chosen by `data.name`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """What decides the pixels besides name, size and channels, including the version of the code.

        `path` and `count` are settings that this data set uses if they are keys here; otherwise plans refuse them.

        Raises:
            UserError: a setting is missing.
        """

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> Source:
        """The source. With `fetch`, it is downloaded into `downloads`, unless it is there or `data.path` is given.

        Raises:
            UserError: there is nothing at the given path, or the download failed; the message says what to do.
        """


DATASETS: Registry[Callable[[], Dataset]] = Registry("dataset", cached=True)


def training_size(num_images: int, config: DataConfig) -> int:
    """The number of images to train on.

    Raises:
        UserError: `limit` is more than there are.
    """
    kept = config.limit if config.limit is not None else max(1, round(config.fraction * num_images))
    if kept > num_images:
        raise UserError(
            f"data.limit: {kept} images requested, but the data set has {num_images}: "
            f"lower data.limit to at most {num_images}, or remove it to train on all"
        )
    return kept


def training_indices(num_images: int, config: DataConfig, seed: int) -> NDArray[np.int64] | None:
    """The images to train on with a seed, sorted, (n,) for the n of `training_size`; None for all.

    Each seed has another subset, so that what the choice of images does is in the spread over seeds. With the same seed
    a larger subset keeps what a smaller one has.

    Raises:
        UserError: see `training_size`.
    """
    kept = training_size(num_images, config)
    if kept == num_images:
        return None
    return np.sort(np.random.default_rng([SUBSET_STREAM, seed]).permutation(num_images)[:kept])
