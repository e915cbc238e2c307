"""`celeba`: the 202,599 aligned CelebA faces (178x218), cropped to their centre square.

Source: Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild", ICCV 2015 (arXiv 1411.7766).
"""

from pathlib import Path

from fakeface.config import DataConfig
from fakeface.data import _decode
from fakeface.data._base import DATASETS
from fakeface.data._files import ImageFiles, absolute, check_complete
from fakeface.errors import UserError

CROP = 178
"""Side of the centre square, in pixels."""
NUM_IMAGES = 202_599
IMAGES = "img_align_celeba"
BY_HAND = (
    "get img_align_celeba.zip by hand (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html), unpack it, and "
    "set data.path\n(--set data.path=FOLDER) to the folder img_align_celeba"
)


class CelebA:
    """The data set `celeba`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """The folder, if one is given, and how files are decoded."""
        path = None if config.path is None else str(absolute(config.path))
        return {"path": path, "version": _decode.VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> ImageFiles:
        """`path` may be the folder of images or the one that holds it."""
        if config.path is not None:
            root = absolute(config.path)
            return ImageFiles(root / IMAGES if (root / IMAGES).is_dir() else root, CROP)
        root = downloads / "celeba" / IMAGES
        if fetch:
            if not root.is_dir():
                _download(downloads)
            check_complete(root, NUM_IMAGES, BY_HAND)
        return ImageFiles(root, CROP)


def _download(downloads: Path) -> None:
    try:
        from torchvision.datasets import CelebA as TorchvisionCelebA

        downloads.mkdir(parents=True, exist_ok=True)
        TorchvisionCelebA(root=str(downloads), split="all", download=True)
    except Exception as error:  # no network, a quota page instead of the file, a full disk, no torchvision
        raise UserError(
            f"CelebA could not be downloaded to {downloads} ({error}):\ntry again later, or {BY_HAND}"
        ) from error


DATASETS.register("celeba")(CelebA())
