"""Images from a tree of files: what `folder`, `celeba` and `lfw` share."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from fakeface.config import DataConfig
from fakeface.data._base import Batch, Fingerprint, Skipped, Source, SourceMissing
from fakeface.data._decode import EXTENSIONS, VERSION, Undecodable, decode_square, is_image, resized
from fakeface.data._notes import ending
from fakeface.data._tree import ADVICE, Tree, read_tree
from fakeface.data._unpacking import PACKED, unpacking
from fakeface.errors import UserError
from fakeface.files import absolute

NEXT_STEP = "set data.path (on the command line: --set data.path=FOLDER) to a folder with images"
NO_ENDING = "an image whose name has no ending: rename it, to end in .jpg or .png for example"


@dataclass(frozen=True)
class ImageFiles(Source):
    """All image files below `root`, each once, in the order of their relative names (see `read_tree`).

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
        return self._tree().files

    def left_out(self) -> Mapping[str, int]:
        """Numbers of files that are not read, or under another name already."""
        return self._tree().left_out

    def _tree(self) -> Tree:
        if not self.root.exists():
            raise SourceMissing(f"{self.root}: there is no such folder: {NEXT_STEP}")
        if not self.root.is_dir():
            how = unpacking(self.root, [self.root]) if ending(self.root.name) in PACKED else NEXT_STEP
            raise SourceMissing(f"{self.root}: is a file, not a folder: {how}")
        try:
            return read_tree(self.root)
        except OSError as error:
            raise UserError(
                f"{error.filename}: cannot be read ({error.strerror}): check its permissions"
            ) from None

    def items(self) -> tuple[str, ...]:
        """Names relative to `root`.

        Raises:
            UserError: the tree holds no image file. The message says how to unpack archives and tables.
        """
        names = tuple(self.files())
        packed = [self.root / name for name in names if ending(name) in PACKED]
        if packed and not any(ending(name) in EXTENSIONS for name in names):
            raise UserError(
                f"{self.root}: no image files, but {packed[0].name}: {unpacking(self.root, packed)}"
            )
        if not names:
            raise UserError(
                f"{self.root}: no image files in this folder or below it (stores of results aside): {NEXT_STEP}"
            )
        return names

    def read(self, items: tuple[str, ...], size: int, channels: int) -> Batch:
        """Decode some files."""
        images, skipped, enlarged = [], [], 0
        with warnings.catch_warnings():
            # Pillow warns about large images and odd metadata; `skipped` holds what matters to the user.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module=r"PIL\.")
            for name in items:
                path = self.root / name
                kind = ending(name)
                try:
                    if kind in EXTENSIONS:
                        square = decode_square(path, channels, self.crop)
                        images.append(resized(square, size, channels))
                        enlarged += square.width < size
                    elif kind in ADVICE:
                        skipped.append(Skipped(name, ADVICE[kind]))
                    elif is_image(path):
                        skipped.append(Skipped(name, NO_ENDING))
                except Undecodable as reason:
                    skipped.append(Skipped(name, str(reason)))
        stacked = np.stack(images) if images else np.empty((0, size, size, channels), dtype=np.uint8)
        return Batch(stacked, tuple(skipped), enlarged)


class Downloadable(ABC):
    """A data set that reads the folder `data.path`, or its published files if no path is given."""

    title: ClassVar[str]
    folder: ClassVar[str]
    """Where the download leaves the images, below the downloads; `data.path` may be its parent."""
    num_images: ClassVar[int]
    crop: ClassVar[int]
    """Side of the centre square, in pixels."""
    extra: ClassVar[str]
    """The extra of this package that installs what downloads it."""
    by_hand: ClassVar[str]
    """What to do without a download, for the end of an error message."""

    @abstractmethod
    def download(self, downloads: Path) -> None:
        """Download everything below the given folder. Raises ImportError where what downloads it is not installed."""

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
            except ImportError as error:
                raise UserError(
                    f"the data set {self.extra!r}: pip install 'fakeface-ablations[{self.extra}]' to download it "
                    f"(with {error.name}),\nor {self.by_hand}"
                ) from None
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
