"""`lfw`: Labeled Faces in the Wild, 13,233 photographs in colour (250x250), cropped to the head.

Source: Huang, Ramesh, Berg, Learned-Miller, "Labeled Faces in the Wild", UMass Amherst TR 07-49, 2007; the
funneled version, by scikit-learn's fetcher.
"""

from pathlib import Path

from fakeface.config import DataConfig
from fakeface.data import _decode
from fakeface.data._base import DATASETS
from fakeface.data._files import ImageFiles, absolute, check_complete
from fakeface.errors import UserError

CROP = 150
"""Side of the centre square, in pixels: the head with hair and chin."""
NUM_IMAGES = 13_233
MOST_PICTURED = 500
"""One person has more pictures than this. The fetcher downloads everybody's, but then decodes only these."""
BY_HAND = (
    "get lfw-funneled.tgz by hand (https://scikit-learn.org/stable/datasets/real_world.html says where), "
    "unpack it, and set data.path\n(--set data.path=FOLDER) to the folder of JPEG files"
)


class LFW:
    """The data set `lfw`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """The folder, if one is given, and how files are decoded."""
        path = None if config.path is None else str(absolute(config.path))
        return {"path": path, "version": _decode.VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> ImageFiles:
        """`path` may be any tree of LFW's JPEG files."""
        if config.path is not None:
            return ImageFiles(absolute(config.path), CROP)
        root = downloads / "lfw_home" / "lfw_funneled"
        if fetch:
            if not root.is_dir():
                _download(downloads)
            check_complete(root, NUM_IMAGES, BY_HAND)
        return ImageFiles(root, CROP)


def _download(downloads: Path) -> None:
    """The fetcher leaves the JPEG files of all people below `downloads`."""
    try:
        from sklearn.datasets import fetch_lfw_people
    except ImportError:
        raise UserError(
            "the data set 'lfw' downloads its images with scikit-learn: "
            f"pip install 'fakeface-ablations[lfw]',\nor {BY_HAND}"
        ) from None
    try:
        fetch_lfw_people(data_home=str(downloads), color=True, min_faces_per_person=MOST_PICTURED)
    except Exception as error:  # no network, a checksum that differs, a full disk
        raise UserError(
            f"LFW could not be downloaded to {downloads} ({error}):\ntry again later, or {BY_HAND}"
        ) from error


DATASETS.register("lfw")(LFW())
