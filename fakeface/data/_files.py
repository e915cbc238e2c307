"""Images from a tree of files: what `folder`, `celeba` and `lfw` share."""

import os
import stat
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from fakeface.config import DataConfig
from fakeface.data._base import Batch, Fingerprint, Skipped, SourceMissing
from fakeface.data._decode import EXTENSIONS, VERSION, Undecodable, decode, is_image
from fakeface.errors import UserError
from fakeface.files import absolute

NEXT_STEP = "set data.path (on the command line: --set data.path=FOLDER) to a folder with images"


STORE_MARK = ".ablate-store"
"""A folder with a file of this name is a store: its pictures are results, not data."""
_CONVERT = "cannot be read here: convert it to JPEG or PNG"
_UNPACK = "an archive or array, which is not opened: unpack its images into the folder"
ADVICE = {
    **dict.fromkeys(
        (".heic", ".heif", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), _CONVERT
    ),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"), _UNPACK),
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5", ".parquet", ".tfrecord", ".mat", ".lmdb"), _UNPACK),
}
"""Endings of files that may hold images but are not read -> why, and what to do."""
NO_ENDING = "an image whose name has no ending: rename it, to end in .jpg or .png for example"


@dataclass(frozen=True)
class ImageFiles:
    """All image files below `root`, in the order of their relative names; hidden ones and stores are left out.

    Files that may hold images in a form that is not read (`ADVICE`, names without an ending) are skipped with a reason.
    """

    root: Path
    crop: int | None = None
    """Side of the centre square to cut out, in pixels; None: as large as each image allows."""

    @property
    def description(self) -> str:
        """The folder."""
        return f"folder {self.root}"

    def files(self) -> Fingerprint:
        """Sizes and times of all image files, by name.

        Raises:
            SourceMissing: there is no such folder.
            UserError: a folder in the tree cannot be read.
        """
        if not self.root.exists():
            raise SourceMissing(f"{self.root}: there is no such folder: {NEXT_STEP}")
        if not self.root.is_dir():
            first = "unpack it, and " if self.root.suffix.lower() in ADVICE else ""
            raise SourceMissing(f"{self.root}: is a file, not a folder: {first}{NEXT_STEP}")
        try:
            return dict(sorted(_walk(self.root, "", set())))
        except OSError as error:
            raise UserError(
                f"{error.filename}: cannot be read ({error.strerror}): check its permissions"
            ) from None

    def items(self) -> tuple[str, ...]:
        """Names relative to `root`.

        Raises:
            UserError: the tree holds no image file.
        """
        names = tuple(self.files())
        if not names:
            raise UserError(
                f"{self.root}: no image files in this folder or below it (stores of results aside): {NEXT_STEP}"
            )
        return names

    def read(self, items: tuple[str, ...], size: int, channels: int) -> Batch:
        """Decode some files."""
        images, skipped = [], []
        with warnings.catch_warnings():
            # Pillow warns about large images and odd metadata; `skipped` holds what matters to the user.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module=r"PIL\.")
            for name in items:
                path = self.root / name
                ending = path.suffix.lower()
                try:
                    if ending in EXTENSIONS:
                        images.append(decode(path, size, channels, self.crop))
                    elif ending in ADVICE:
                        skipped.append(Skipped(name, ADVICE[ending]))
                    elif is_image(path):
                        skipped.append(Skipped(name, NO_ENDING))
                except Undecodable as reason:
                    skipped.append(Skipped(name, str(reason)))
        stacked = np.stack(images) if images else np.empty((0, size, size, channels), dtype=np.uint8)
        return Batch(stacked, tuple(skipped))


class Downloadable(ABC):
    """A data set that reads the folder `data.path`, or its published files if no path is given."""

    title: ClassVar[str]
    folder: ClassVar[str]
    """Where the download leaves the images, below the downloads; `data.path` may be its parent."""
    num_images: ClassVar[int]
    crop: ClassVar[int]
    """Side of the centre square, in pixels."""
    by_hand: ClassVar[str]
    """What to do without a download, for the end of an error message."""

    @abstractmethod
    def download(self, downloads: Path) -> None:
        """Download everything below the given folder."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """The folder, if one is given, and the version of the decoder."""
        return {"path": None if config.path is None else str(absolute(config.path)), "version": VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> ImageFiles:
        """The folder `data.path`, or the downloaded one."""
        if config.path is not None:
            root = absolute(config.path)
            inner = root / Path(self.folder).name
            return ImageFiles(inner if inner.is_dir() else root, self.crop)
        root = downloads / self.folder
        if fetch:
            self._fetch(downloads, root)
        return ImageFiles(root, self.crop)

    def _fetch(self, downloads: Path, root: Path) -> None:
        if not root.is_dir():
            try:
                downloads.mkdir(parents=True, exist_ok=True)
                self.download(downloads)
            except UserError:
                raise
            except Exception as error:  # no network, a quota page instead of the file, a full disk
                raise UserError(
                    f"{self.title} could not be downloaded to {downloads} ({error}):\n"
                    f"try again later, or {self.by_hand}"
                ) from error
        found = sum(1 for _ in root.rglob("*.jpg"))
        if found != self.num_images:
            raise UserError(
                f"{root}: {found} of {self.num_images} downloaded images are there: "
                f"remove this folder and try again,\nor {self.by_hand}"
            )


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Follows symbolic links, but enters no folder twice, so that a loop of them ends; enters no store."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    if any(entry.name == STORE_MARK for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", seen)
        elif os.path.splitext(entry.name)[1].lower() in _LISTED:  # noqa: PTH122 - much faster, 200,000 times
            yield from _status(entry, f"{prefix}{entry.name}")


_LISTED = EXTENSIONS | ADVICE.keys() | {""}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _status(entry: os.DirEntry[str], name: str) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        status = entry.stat()
    except OSError:  # a broken link: decoding will say so
        yield name, (-1, -1)
        return
    if stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        yield name, (status.st_size, status.st_mtime_ns)
