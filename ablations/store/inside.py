"""Which files of a store exist for the rest of the product. A store may be somebody else's: what its records name, and
what its folders hold, may lead anywhere.
"""

import errno
import os
from pathlib import Path

from fakeface.errors import UserError


class Outside(OSError):
    """A name that is not that of a file in the folder where it belongs."""


def file_in(folder: Path, name: object) -> Path:
    """The path of a file in a folder that a record names, whether or not it exists.

    Raises:
        Outside: it is no relative path inside the folder, leads out of it through a link, or is a folder, a pipe or a
            device.
    """
    path = folder / str(name)
    try:
        inside = path.resolve().is_relative_to(folder.resolve()) and (path.is_file() or not path.exists())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a null character
        inside = False
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts or not inside:
        raise Outside(errno.EPERM, "no file of this folder", str(path))
    return path


def has_file(folder: Path, name: object) -> bool:
    """Whether this file exists, inside the folder."""
    try:
        return file_in(folder, name).exists()
    except Outside:
        return False


def real_folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, without links."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # asks the disk once for all, of which there may be ten thousand
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return [folder / name for name in sorted(names)]


def is_real_folder(path: Path) -> bool:
    """Whether this is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def check_no_links(folder: Path) -> None:
    """Raises UserError if a folder is a link or holds one, or a pipe, a device or a socket.

    What is written there would end up elsewhere; opening a pipe waits for ever.
    """
    inside = (Path(at) / name for at, folders, files in os.walk(folder) for name in (*folders, *files))
    for path in (folder, *inside):
        if path.is_symlink():
            raise UserError(
                f"{path}: a link; nothing of a store is written elsewhere. "
                "Put the real file or folder in its place, or remove it"
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(
                f"{path}: a pipe, a device or a socket; only files and folders belong here: remove it"
            )
