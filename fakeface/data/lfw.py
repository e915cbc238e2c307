"""`lfw`: Labeled Faces in the Wild, 13,233 photographs in colour (250x250), cropped to the head.

Source: Huang, Ramesh, Berg, Learned-Miller, "Labeled Faces in the Wild", UMass Amherst TR 07-49, 2007; the
funneled version, downloaded by scikit-learn.
"""

from pathlib import Path

from fakeface.data._base import DATASETS
from fakeface.data._files import Downloadable

MOST_PICTURED = 500
"""One person has more pictures than this. The fetcher downloads all images, but then decodes only this person's."""


@DATASETS.register("lfw")
class LFW(Downloadable):
    """Labeled Faces in the Wild."""

    title = "LFW"
    folder = "lfw_home/lfw_funneled"
    num_images = 13_233
    crop = 150
    extra = "lfw"
    by_hand = (
        "get lfw-funneled.tgz by hand (https://scikit-learn.org/stable/datasets/real_world.html says where), "
        "unpack it,\nand set data.path (--set data.path=FOLDER) to the folder of JPEG files"
    )

    def download(self, downloads: Path) -> None:
        """With scikit-learn."""
        from sklearn.datasets import fetch_lfw_people

        fetch_lfw_people(data_home=str(downloads), color=True, min_faces_per_person=MOST_PICTURED)
