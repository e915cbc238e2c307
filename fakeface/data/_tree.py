"""Which files of a folder are images: each file once, whatever links lead to it."""

import os
import stat
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from fakeface.data._base import Fingerprint
from fakeface.data._decode import EXTENSIONS
from fakeface.data._notes import ending, kind_of
from fakeface.data._unpacking import PACKED

STORE_MARK = ".ablate-store"
"""A folder with a file of this name is a store: its pictures are results, not data."""
_HEIF = (
    "needs pip install 'fakeface-ablations[heif]', then `ablate data prepare --refresh`; "
    "or convert it to JPEG or PNG"
)
_CONVERT = "cannot be read here: convert it to JPEG or PNG"
ADVICE = {
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIF),
    **dict.fromkeys((".avif", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), _CONVERT),
    **dict.fromkeys(PACKED, "an archive or table, which is not opened: unpack its images into the folder"),
}
"""Endings of files that may hold images, but are not read (if `EXTENSIONS` lacks them) -> why, and what to do."""
_LISTED = EXTENSIONS | ADVICE.keys() | {""}
_LINKED = "read under another name"


class Tree(NamedTuple):
    """The files of a folder."""

    files: Fingerprint
    """Image files, and files that may hold images. Of several names of one image, only the first."""
    left_out: Counter[str]
    """Numbers of the files and folders that are not read, by kind."""


class _File(NamedTuple):
    other: bool
    """Whether it is none that is read: these sort last."""
    name: str
    inode: tuple[int, int]
    size_and_time: tuple[int, int]


def read_tree(root: Path) -> Tree:
    """The files of a folder and of those below it.

    Follows symbolic links, but enters no folder twice, so that a loop of them ends. Leaves out hidden files and stores.

    Raises:
        OSError: a folder cannot be read.
    """
    found: list[_File] = []
    left_out: Counter[str] = Counter()
    _walk(root, "", set(), found, left_out)
    kept: Fingerprint = {}
    read: set[tuple[int, int]] = set()
    for file in sorted(found):
        if file.inode in read:
            left_out[_LINKED] += 1
            continue
        kept[file.name] = file.size_and_time
        if file.other:
            left_out[kind_of(file.name)] += 1
        elif file.inode[1] > 0:  # a broken link has none, nor has any file on some systems
            read.add(file.inode)
    return Tree(dict(sorted(kept.items())), left_out)


def _walk(
    folder: Path, prefix: str, seen: set[tuple[int, int]], found: list[_File], left_out: Counter[str]
) -> None:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        left_out[_LINKED] += 1
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    if any(entry.name == STORE_MARK for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            _walk(Path(entry.path), f"{prefix}{entry.name}/", seen, found, left_out)
        elif (kind := ending(entry.name)) in _LISTED:
            found += _status(entry, f"{prefix}{entry.name}", kind not in EXTENSIONS)
        else:
            left_out[kind_of(entry.name)] += 1


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _status(entry: os.DirEntry[str], name: str, other: bool) -> list[_File]:
    try:
        status = entry.stat()
    except OSError:  # a broken link: decoding will say so
        return [_File(other, name, (-1, -1), (-1, -1))]
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return []
    return [_File(other, name, (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns))]
