"""`lfw`: Labeled Faces in the Wild, 13,233 photographs in colour (250x250), cropped to the head.

Source: Huang, Ramesh, Berg, Learned-Miller, "Labeled Faces in the Wild", UMass Amherst TR 07-49, 2007; the
funneled version, downloaded by scikit-learn.
"""

from pathlib import Path

from fakeface.data._base import DATASETS
from fakeface.data._files import Downloadable
from fakeface.errors import UserError

MOST_PICTURED = 500
"""One person has more pictures than this. The fetcher downloads everybody's, but then decodes only these."""
BY_HAND = (
    "get lfw-funneled.tgz by hand (https://scikit-learn.org/stable/datasets/real_world.html says where), "
    "unpack it,\nand set data.path (--set data.path=FOLDER) to the folder of JPEG files"
)


def _fetch(downloads: Path) -> None:
    try:
        from sklearn.datasets import fetch_lfw_people
    except ImportError:
        raise UserError(
            "the data set 'lfw' downloads its images with scikit-learn: "
            f"pip install 'fakeface-ablations[lfw]',\nor {BY_HAND}"
        ) from None
    fetch_lfw_people(data_home=str(downloads), color=True, min_faces_per_person=MOST_PICTURED)


DATASETS.register("lfw")(
    Downloadable("LFW", "lfw_home/lfw_funneled", 13_233, crop=150, fetch=_fetch, by_hand=BY_HAND)
)
