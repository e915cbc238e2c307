"""`folder`: any tree of images below `data.path`."""

from pathlib import Path

from fakeface.config import DataConfig
from fakeface.data._base import DATASETS
from fakeface.data._decode import VERSION
from fakeface.data._files import NEXT_STEP, ImageFiles, absolute
from fakeface.errors import UserError


@DATASETS.register("folder")
class Folder:
    """All images below `data.path`."""

    def decides(self, config: DataConfig) -> dict[str, int | str | None]:
        """The folder, and the version of the decoder."""
        if config.path is None:
            raise UserError(f"data.path: the data set 'folder' needs it: {NEXT_STEP}")
        return {"path": str(absolute(config.path)), "version": VERSION}

    def source(self, config: DataConfig, downloads: Path, *, fetch: bool) -> ImageFiles:  # noqa: ARG002
        """Nothing to download."""
        return ImageFiles(Path(str(self.decides(config)["path"])))
