"""Files that are written completely or not at all, and strict JSON."""

import errno
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from fakeface.errors import UserError
from fakeface.terminal import json_escaped


def absolute(path: str, base: Path = Path()) -> Path:
    """The path with `~` resolved and, if it is relative, below `base`; symbolic links stay."""
    return Path(os.path.abspath(base / os.path.expanduser(path)))  # noqa: PTH100, PTH111 - pathlib keeps `..`


def cache_folder() -> Path:
    """Where what can be computed again is kept between commands: `$XDG_CACHE_HOME/fakeface` or `~/.cache/fakeface`."""
    return absolute(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "fakeface"


@contextmanager
def os_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError (disk full, read-only, no permission) into a UserError that names path and reason."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot {doing}: {error.strerror or error}: "
            "free some space, change the permissions, or choose another place"
        ) from error


class NotRegular(OSError):
    """A folder, a pipe or a device (or a link, where one would be replaced) where a file is expected."""


@contextmanager
def regular_file(path: Path, mode: Literal["rb", "ab", "wb"] = "rb") -> Iterator[IO[bytes]]:
    """Open a file. What is no regular file is an error, and never waits for another process.

    Raises:
        NotRegular: a folder, a pipe or a device has this name.
        OSError: there is no such file, or it cannot be opened.
    """
    handle = os.open(path, _FLAGS[mode] | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0), 0o644)
    with os.fdopen(_checked(handle), mode) as file:
        yield file


_FLAGS = {
    "rb": os.O_RDONLY,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
}


def _checked(handle: int) -> int:
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise NotRegular(errno.EINVAL, "is a folder, a pipe or a device, not a file (move it away)")


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write or replace `path`: the complete file appears when the block ends, and nothing if it raises."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp gives it to its owner only
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def output_file(path: Path) -> Iterator[IO[bytes]]:
    """`whole_file` for a path that the user chose: it replaces nothing but a regular file.

    Raises:
        NotRegular: a link, a folder, a pipe or a device has this name.
        OSError: it cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NotRegular(errno.EEXIST, "a link, a folder, a pipe or a device is in its place")
    with whole_file(path) as file:
        yield file


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """A value as strict JSON, which has no NaN: it becomes the string "NaN", as infinity becomes "Infinity".

    Control characters and what UTF-8 cannot encode are escaped; everything that is not ASCII with `ascii_only`.
    """
    text = json.dumps(_finite(value), indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"
    return json_escaped(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
