"""What an export says of the trainings that it holds: with it, a report needs neither their data nor today's code.

`ablate export` writes `export.json` into the store that it makes. A plan for such a store takes from it what it else
asks of the components and the prepared data, so that each job keeps the identity under which it was trained.
"""

import json
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from ablations.store.sealed import is_changed, sealed
from fakeface.config import DataConfig, Settings, canonical_digest, changed_settings
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file

FILE = "export.json"


class Recorded(NamedTuple):
    """What was recorded for settings, each by `key_of` of them."""

    trainings: dict[str, Any]
    """`resolved` settings and digests of `code`."""
    protocols: dict[str, Any]
    """Of an evaluation's settings: protocols by kind of score."""
    data: dict[str, Any]
    """Of data settings: name, source, digest and shape of the images."""
    claims: dict[str, Any]
    """Digests of `each` claim, by the `sha256` of all of them: thousands of bytes that most jobs share."""

    def complete(self, job: dict[str, Any]) -> None:
        """Add to a `job` record what is recorded here for all of them."""
        if job.get("claims"):
            job["claims"].setdefault("each", self.claims.get(job["claims"]["sha256"], {}))

    def write(self, root: Path) -> None:
        """Write the file into an export. Raises UserError if the disk refuses."""
        with os_errors(root / FILE, "write the export"):
            (root / FILE).write_bytes(sealed(self._asdict()))

    def images(self, config: DataConfig) -> ImageSet | None:
        """The data set without its pixels; None if the export has no training on it."""
        found = self.data.get(key_of(config))
        if found is None:
            return None
        pixels = np.broadcast_to(np.uint8(0), tuple(found["shape"]))
        return ImageSet(pixels, found["digest"], found["name"], found["source"], ())


def recorded_in(root: Path) -> Recorded | None:
    """What the export in a folder has recorded; None if it is no export.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with regular_file(root / FILE) as file:
            body = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{root / FILE}: cannot be read: {error.strerror}") from error
    if is_changed(body):
        raise UserError(f"{root / FILE}: damaged or edited; write the export again with `ablate export`")
    value = json.loads(body)
    return Recorded(*(value.get(name, {}) for name in Recorded._fields))


def key_of(settings: Settings) -> str:
    """Of settings that differ from the documented defaults, so that a field that is added later changes no key. Of a
    path only the last part counts: an export is read on other machines."""
    changed = changed_settings(settings)
    for name in {"path", "data.path", "weights_path"} & changed.keys():
        changed[name] = PurePath(changed[name]).name
    return canonical_digest(changed)
