"""What is unusual about the images of a data set, and about their files: notes of a line each."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from fakeface.data._base import Batch, Skipped

SHOWN_KINDS = 8
"""Of files that are skipped; the others are counted together."""
LONGEST_ENDING = 12
"""A longer one, dot included, is part of a name and no kind of file."""
_NO_ENDING = "without an ending"
_OTHERS = "of other kinds"


def ending(name: str) -> str:
    """The ending of a file's name in lower case, with its dot; empty where it has none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - much faster, 200,000 times


def kind_of(name: str) -> str:
    """The ending, or words where there is none that tells the kind of a file."""
    found = ending(name)
    return found if 1 < len(found) <= LONGEST_ENDING else _OTHERS if found else _NO_ENDING


class Tally:
    """Counts what the notes are about, while the images are written."""

    def __init__(self) -> None:
        self._count = self._enlarged = self._grey = 0
        self._hashes: list[NDArray[np.int64]] = []

    def add(self, batch: Batch) -> None:
        """Count the images of a batch."""
        images = np.ascontiguousarray(batch.images)
        self._count += len(images)
        self._enlarged += batch.enlarged
        if images.shape[-1] == 3:
            first, second, third = np.moveaxis(images, -1, 0)
            self._grey += int(((first == second) & (second == third)).all(axis=(1, 2)).sum())
        self._hashes.append(np.array([hash(image.tobytes()) for image in images], dtype=np.int64))

    def notes(self, size: int, skipped: Iterable[Skipped], left_out: Mapping[str, int]) -> tuple[str, ...]:
        """The notes on all images and files; none where nothing is unusual.

        Args:
            size: of the images, in pixels.
            skipped: files of which `left_out` may count some.
            left_out: numbers of files by kind, see `Source.left_out`.
        """
        alike = self._count - len(np.unique(np.concatenate(self._hashes)))
        notes = []
        if kinds := {**Counter(kind_of(file) for file, _ in skipped), **left_out}:
            notes.append(f"skipped: {_listed(kinds)}")
        if self._enlarged:
            notes.append(f"smaller than {size}x{size} and enlarged: {self._share(self._enlarged)}")
        if 2 * self._grey > self._count:
            notes.append(f"grey: {self._share(self._grey)} (data.channels: 1 trains on one channel)")
        if alike:
            notes.append(f"the same as an earlier one, pixel by pixel: {self._share(alike)}")
        return tuple(notes)

    def _share(self, number: int) -> str:
        return f"{number:,} of {self._count:,} images"


def _listed(kinds: Mapping[str, int]) -> str:
    """`12 .txt, 3 .mp4, 1 without an ending`: most first."""
    ordered = sorted(kinds.keys() - {_OTHERS}, key=lambda kind: (-kinds[kind], kind))
    others = sum(kinds[kind] for kind in ordered[SHOWN_KINDS:]) + kinds.get(_OTHERS, 0)
    shown = [(kinds[kind], kind) for kind in ordered[:SHOWN_KINDS]] + ([(others, _OTHERS)] if others else [])
    return ", ".join(f"{number:,} {kind}" for number, kind in shown)
