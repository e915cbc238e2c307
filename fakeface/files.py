"""Files that are either whole or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fakeface.errors import UserError


@contextmanager
def os_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError (disk full, read-only, no permission) into a UserError that names path and reason."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot {doing}: {error.strerror or error}: "
            "free some space, mend the permissions, or choose another place"
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write `path` anew: it appears, complete, when the block ends, and not at all if that fails."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp leaves the file to its owner alone
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
