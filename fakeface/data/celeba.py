"""`celeba`: the 202,599 aligned CelebA faces (178x218), cropped to their centre square.

Source: Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild", ICCV 2015 (arXiv 1411.7766); downloaded
by torchvision.
"""

from pathlib import Path

from fakeface.data._base import DATASETS
from fakeface.data._files import Downloadable


@DATASETS.register("celeba")
class CelebA(Downloadable):
    """The aligned CelebA faces."""

    title = "CelebA"
    folder = "celeba/img_align_celeba"
    num_images = 202_599
    crop = 178
    extra = "celeba"
    by_hand = (
        "get img_align_celeba.zip by hand (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html), unpack it,\n"
        "and set data.path (--set data.path=FOLDER) to the folder img_align_celeba"
    )

    def download(self, downloads: Path) -> None:
        """With torchvision, which needs gdown."""
        import gdown  # noqa: F401 - before torchvision makes folders
        from torchvision.datasets import CelebA

        CelebA(root=str(downloads), split="all", download=True)
