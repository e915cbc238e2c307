"""`synthetic`: portraits drawn by our own renderer, so that everything works without a download."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from fakeface.config import DataConfig
from fakeface.data._base import DATASETS, Batch, Source
from fakeface.data.portraits import render

VERSION = 1
"""Raise it when the renderer draws other pixels: cached arrays are then rebuilt."""
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601, as Pillow converts to greyscale."""


@dataclass(frozen=True)
class Numbers(Sequence[str]):
    """A range as text, made on demand: a count that does not fit on the disk is refused before it fills the memory."""

    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Numbers": ...
    def __getitem__(self, index: int | slice) -> "str | Numbers":
        found = self.numbers[index]
        return str(found) if isinstance(found, int) else Numbers(found)


@dataclass(frozen=True)
class Portraits(Source):
    """Portraits 0 to `count`."""

    count: int

    @property
    def description(self) -> str:
        """How many."""
        return f"{self.count} synthetic portraits"

    def items(self) -> "Numbers":
        """The indices."""
        return Numbers(range(self.count))

    def read(self, items: tuple[str, ...], size: int, channels: int) -> Batch:
        """Draw them. Items are consecutive."""
        images = render(int(items[0]), int(items[-1]) + 1, size)
        if channels == 1:
            images = np.rint(images @ LUMA).astype(np.uint8)[..., None]
        return Batch(images, ())


@DATASETS.register("synthetic")
class Synthetic:
    """Portraits drawn by `fakeface.data.portraits`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """Their number, and the version of the renderer."""
        return {"count": config.count, "version": VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> Portraits:  # noqa: ARG002
        """No download is ever needed."""
        return Portraits(config.count)
