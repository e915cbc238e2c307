"""`folder`: any tree of images below `data.path`."""

from pathlib import Path

from fakeface.config import DataConfig
from fakeface.data._base import DATASETS
from fakeface.data._decode import VERSION
from fakeface.data._files import NEXT_STEP, ImageFiles
from fakeface.errors import UserError
from fakeface.files import absolute


@DATASETS.register("folder")
class Folder:
    """All images below `data.path`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """The folder, and the version of the decoder."""
        if config.path is None:
            raise UserError(f"the data set 'folder' needs data.path: {NEXT_STEP}")
        return {"path": str(absolute(config.path)), "version": VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> ImageFiles:  # noqa: ARG002
        """Nothing to download."""
        return ImageFiles(Path(str(self.decides(config)["path"])))
