"""What an export says of the trainings that it holds: with it, a report needs neither their data nor today's code.

`ablate export` writes `export.json` into the store that it makes. A plan for such a store takes from it what it else
asks of the components and the prepared data, so that each job keeps the identity under which it was trained.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from ablations.store.journal import Record
from ablations.store.sealed import is_changed, sealed
from fakeface.config import DataConfig, Settings, canonical_digest, changed_settings
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file
from fakeface.scores import ScoreKind

FILE = "export.json"
PART = "part"
"""In an export's journal, the key of the digest that replaces a part of a record."""
PART_DIGITS = 12


class Recorded(NamedTuple):
    """What was recorded for settings, each by `key_of` of them."""

    trainings: dict[str, Any]
    """Its `resolved` settings and its `code`, both parts."""
    protocols: dict[str, Any]
    """Of an evaluation's settings: protocols by kind of score."""
    data: dict[str, Any]
    """Of data settings: name, source, digest and shape of the images."""
    parts: dict[str, Any]
    """What many records have in common, by its digest: settings, code, claims and protocols."""

    def part(self, value: Mapping[str, Any]) -> dict[str, str]:
        """Keep a part. Returns what replaces it in a record."""
        digest = canonical_digest(value)[:PART_DIGITS]
        self.parts[digest] = value
        return {PART: digest}

    def shortened(self, record: Record) -> Record:
        """A copy of a record, with its parts kept here."""
        short = copy.deepcopy(record)
        for holder, name in _parts(short):
            holder[name] = self.part(holder[name])
        return short

    def write(self, root: Path) -> None:
        """Write the file into an export. Raises UserError if the disk refuses."""
        with os_errors(root / FILE, "write the export"):
            (root / FILE).write_bytes(sealed(self._asdict()))

    def training(self, settings: Settings) -> dict[str, Any] | None:
        """`resolved` settings and `code` of a training; None if the export has none with these settings."""
        found = self.trainings.get(key_of(settings))
        return None if found is None else {name: self.parts[part[PART]] for name, part in found.items()}

    def images(self, config: DataConfig) -> ImageSet | None:
        """The data set without its pixels; None if the export has no training on it."""
        found = self.data.get(key_of(config))
        if found is None:
            return None
        pixels = np.broadcast_to(np.uint8(0), tuple(found["shape"]))
        return ImageSet(pixels, found["digest"], found["name"], found["source"], ())


def complete(record: Record, recorded: Recorded | None) -> None:
    """Put the parts of a record back, if it has been shortened.

    Raises:
        UserError: a part is not there.
    """
    for holder, name in _parts(record):
        if PART in holder[name]:
            digest = holder[name][PART]
            if recorded is None or digest not in recorded.parts:
                why = f"it was copied out of an export without that one's {FILE}"
                raise UserError(f"{why}; use `ablate merge` to bring an export into a store")
            holder[name] = recorded.parts[digest]


def _parts(record: Record) -> Iterator[tuple[dict[str, Any], str]]:
    """The parts of a record, each as the dictionary that holds it and its key there."""
    match record.get("kind"):
        case "job":
            yield from ((record, name) for name in ("resolved", "code") if name in record)
            if record.get("claims"):
                yield record["claims"], "each"
        case ScoreKind.FINAL | ScoreKind.CURVE if "details" in record:
            yield record, "details"


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
