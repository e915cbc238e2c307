"""The cached array: built once, checked whenever it is opened.

`<cache>/<name>-<size>x<channels>-<key>/` holds `meta.json` and the array that it names, `images-<token>.npy`.
The rename of `meta.json` is what makes a new array count: until then the old pair stays whole.

An array is replaced only by other images. Files that were copied, touched or renamed hold the same ones: the array
keeps its order (of the names when it was made), and so its digest.
"""

import hashlib
import json
import math
import secrets
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fakeface.config import DataConfig, canonical_digest
from fakeface.data._base import DATASETS, Fingerprint, ImageSet, Skipped, Source, SourceMissing
from fakeface.data._notes import Tally
from fakeface.data._workers import read_all
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file, whole_file
from fakeface.locks import wait_for

REBUILD = "`ablate data prepare --refresh`"
BUILD_SECONDS = 6 * 3600.0
"""For a download and an array. A process that took longer is stuck."""
LAYOUT = 1
"""Version of what a cache folder holds; enters its name."""

Progress = Callable[[int, int], None]


class SourceChanged(UserError):
    """The source's files are not those from which the array was made. Their images may be the same."""


@dataclass(frozen=True)
class _Meta:
    """`meta.json`."""

    array: str
    digest: str
    shape: tuple[int, ...]
    source: str
    skipped: tuple[Skipped, ...]
    files: Fingerprint
    notes: tuple[str, ...]


def find(config: DataConfig, cache: Path, *, verify: bool = True) -> ImageSet | None:
    """The cached images of these settings, or None. Builds and downloads nothing.

    A source folder that is gone is a warning. Without `verify` the pixels are not compared with their digest.

    Raises:
        SourceChanged: the source's files have changed; `prepare` compares their images.
        UserError: a setting is missing, or the cached array is damaged.
    """
    folder = _folder(config, cache)
    meta = _read_meta(folder)
    if meta is not None and not (folder / meta.array).exists():
        meta = _read_meta(folder)  # another process may have replaced both between the two looks
    if meta is None:
        return None
    _check_files(DATASETS[config.name]().source(config, _downloads(cache), fetch=False), meta)
    images = _open(folder / meta.array, meta, verify)
    return ImageSet(images, meta.digest, config.name, meta.source, meta.skipped, meta.notes)


def prepare(
    config: DataConfig,
    cache: Path,
    *,
    refresh: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """The images of these settings, from the cache; if they are not there, they are downloaded, built and cached.

    Where the source's files have changed, but not their images, the cached array stays.

    Args:
        config: which images; `limit` and `scaling` change nothing here.
        cache: folder for arrays and downloads, shared by any number of processes.
        refresh: rebuild the array from the source as it is now, also if its images are others.
        workers: most processes that decode or render; None: as many as there are cores.
        progress: called with (items done, items in all) while the array is built.

    Raises:
        UserError: no images, a damaged cache, a changed source, a failed download, a full disk.
    """
    if not refresh:
        with suppress(SourceChanged):
            if found := find(config, cache):
                return found
    folder = _folder(config, cache)
    with os_errors(cache, "keep images here"):
        cache.mkdir(parents=True, exist_ok=True)
        with wait_for(cache / f"{folder.name}.lock", BUILD_SECONDS):
            if not refresh:
                with suppress(SourceChanged):
                    if found := find(config, cache):
                        return found  # another process was faster
            source = DATASETS[config.name]().source(config, _downloads(cache), fetch=True)
            _build(config, source, folder, workers, progress, refresh=refresh)
            made = find(config, cache)
    if made is None:
        raise UserError(f"{folder}: removed by another program just after it was made: run the command again")
    return made


def _folder(config: DataConfig, cache: Path) -> Path:
    own = {"code": code} if (code := DATASETS.code.get(config.name)) else {}
    key = canonical_digest({"layout": LAYOUT, **own, **DATASETS[config.name]().decides(config)})[:12]
    return cache / f"{config.name}-{config.image_size}x{config.channels}-{key}"


def _downloads(cache: Path) -> Path:
    return cache / "downloads"


def _build(
    config: DataConfig,
    source: Source,
    folder: Path,
    workers: int | None,
    progress: Progress | None,
    *,
    refresh: bool,
) -> None:
    files = source.files()  # before reading: a file that changes meanwhile then counts as changed
    items = source.items()
    _check_space(folder.parent, (len(items), config.image_size, config.image_size, config.channels))
    folder.mkdir(exist_ok=True)
    array = folder / f"images-{secrets.token_hex(4)}.npy"
    try:
        for stale in folder.glob(".*.tmp"):  # of a process that was killed
            stale.unlink()
        count, skipped, notes = _write_array(array, config, source, items, workers, progress)
        shape = (count, config.image_size, config.image_size, config.channels)
        pixels = np.load(array, mmap_mode="r")
        meta = _Meta(array.name, _digest(pixels), shape, source.description, skipped, files, notes)
        current = _current(folder, refresh=refresh)
        if current is not None:
            new, gone = _difference(pixels, current[1])
            if new == gone == 0:
                meta = replace(meta, array=current[0].array, digest=current[0].digest)
            elif not refresh:
                raise SourceChanged(
                    f"{source.description}: not what was prepared: {new} images are new, {gone} are gone "
                    f"({_file_changes(files, current[0])}). {REBUILD} makes a new array with a new digest, so jobs "
                    "trained on it are new"
                )
        with whole_file(folder / "meta.json") as file:
            file.write(json.dumps(asdict(meta)).encode())
    except BaseException:
        array.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    for old in folder.glob("images-*.npy"):
        if old.name != meta.array:
            old.unlink()


def _check_space(folder: Path, shape: tuple[int, ...]) -> None:
    """Raises UserError if an array of this shape does not fit on the disk."""
    needed, free = math.prod(shape), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: {shape[0]:,} images of {shape[1]}x{shape[2]} take {needed / 1e9:,.1f} GB, but "
            f"{free / 1e9:,.1f} GB are free here: use fewer or smaller images (data.count, data.image_size), or "
            "another --store"
        )


def _current(folder: Path, *, refresh: bool) -> tuple[_Meta, NDArray[np.uint8]] | None:
    """The array as it is; None if there is none, or if it is damaged and to be replaced."""
    try:
        meta = _read_meta(folder)
        return None if meta is None else (meta, _open(folder / meta.array, meta, verify=True))
    except UserError:
        if refresh:
            return None
        raise


def _difference(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> tuple[int, int]:
    """How many images are new, and how many are gone, whatever their order."""
    after, earlier = (Counter(hashlib.sha256(image).digest() for image in images) for images in (now, before))
    return (after - earlier).total(), (earlier - after).total()


def _write_array(
    array: Path,
    config: DataConfig,
    source: Source,
    items: Sequence[str],
    workers: int | None,
    progress: Progress | None,
) -> tuple[int, tuple[Skipped, ...], tuple[str, ...]]:
    """Write image after image; returns how many, what was skipped, and the notes on them."""
    # Not through a memory map: a full disk would end the process (SIGBUS) instead of raising.
    size, channels = config.image_size, config.channels
    skipped: list[Skipped] = []
    tally = Tally()
    count = 0
    with whole_file(array) as file:
        _write_header(file, (len(items), size, size, channels))
        for batch in read_all(source, items, size, channels, workers, progress):
            file.write(np.ascontiguousarray(batch.images).data)
            count += len(batch.images)
            skipped += batch.skipped
            tally.add(batch)
        if count == 0:
            raise _none_readable(source, skipped)
        file.seek(0)
        _write_header(file, (count, size, size, channels))
    return count, tuple(skipped), tally.notes(size, skipped, source.left_out())


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """NumPy pads the header so that its length does not depend on N: it can be written again over itself."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _none_readable(source: Source, skipped: list[Skipped]) -> UserError:
    if not skipped:
        return UserError(f"{source.description}: holds no image: set data.path to another folder")
    reasons = [f"  {file}: {why}" for file, why in skipped[:5]]
    if len(skipped) > 5:
        reasons.append(f"  ... and {len(skipped) - 5} more")
    return UserError(
        f"{source.description}: none of its {len(skipped)} image files can be read:\n"
        + "\n".join(reasons)
        + "\nReplace these files, or set data.path to another folder"
    )


def _digest(images: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


def _read_meta(folder: Path) -> _Meta | None:
    path = folder / "meta.json"
    try:
        with os_errors(path, "read it"):
            if not path.exists():
                return None
            with regular_file(path) as file:
                found = json.load(file)
        return _Meta(
            array=Path(str(found["array"])).name,
            digest=str(found["digest"]),
            shape=tuple(int(n) for n in found["shape"]),
            source=str(found["source"]),
            skipped=tuple(Skipped(str(file), str(why)) for file, why in found["skipped"]),
            notes=tuple(str(note) for note in found.get("notes", ())),  # older caches have none
            files={str(name): (int(size), int(time)) for name, (size, time) in found["files"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: damaged ({type(error).__name__}: {error}): {REBUILD} rebuilds it"
        ) from error


def _open(path: Path, meta: _Meta, verify: bool) -> NDArray[np.uint8]:
    try:
        with regular_file(path):
            images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header raises anything from ValueError to TokenError
        raise UserError(f"{path}: damaged ({error}): {REBUILD} rebuilds it") from error
    if images.dtype != np.uint8 or images.shape != meta.shape:
        raise UserError(f"{path}: damaged (shape {images.shape}, not {meta.shape}): {REBUILD} rebuilds it")
    if verify and _digest(images) != meta.digest:
        raise UserError(f"{path}: damaged (its pixels do not have the digest noted): {REBUILD} rebuilds it")
    return images


def _check_files(source: Source, meta: _Meta) -> None:
    try:
        now = source.files()
    except SourceMissing as error:
        warnings.warn(f"{error}. The images cached from it are used", stacklevel=3)
        return
    if now != meta.files:
        raise SourceChanged(
            f"{source.description}: its files have changed ({_file_changes(now, meta)}): "
            "`ablate data prepare` compares their images with the prepared ones"
        )


def _file_changes(now: Fingerprint, meta: _Meta) -> str:
    added, removed = sorted(now.keys() - meta.files), sorted(meta.files.keys() - now)
    changed = sorted(name for name in now.keys() & meta.files if now[name] != meta.files[name])
    first = "".join(f"; the first: {name}" for name in (added + removed + changed)[:1])
    return f"{len(added)} files added, {len(removed)} removed, {len(changed)} changed{first}"
