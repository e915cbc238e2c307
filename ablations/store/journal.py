"""One append-only log per job on local disk: the source of truth, which MLflow mirrors.

Each line is a CRC-32 in eight hex digits, a space, and one JSON object with `kind` and `time` (milliseconds since
1970, taken when the line is written). The checksum exposes a line that a kill has torn or a disk has damaged; every
other line stays readable. `records.py` lists the kinds and what each holds.
"""

import json
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from pydantic_core import from_json

from ablations.store.records import is_sound
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file

Record = dict[str, Any]


class Journal:
    """Writes a journal. Use as a context manager. The job's lock ensures that there is one writer at a time."""

    def __init__(self, path: Path) -> None:
        """Open for appending, after cutting off a torn last line. Raises UserError if the disk refuses."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            repaired = _repair(path)
            self._file: BinaryIO = path.open("ab", buffering=0)
        except OSError as error:
            raise UserError(f"{path}: cannot write the journal: {error.strerror}") from error
        if repaired:
            self.append("note", text=f"cut off a torn last line of {repaired} bytes")

    def append(self, kind: str, **fields: Any) -> Record:
        """Write one record. It survives a kill of the process immediately, and a power failure after `sync`.

        Raises:
            UserError: the disk is full or read-only. What was written before stays readable.
        """
        record = {"kind": kind, "time": time.time_ns() // 1_000_000, **fields}
        line = encode(record)
        end = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "no space left on device")
        except OSError as error:
            os.ftruncate(self._file.fileno(), end)
            raise UserError(f"{self.path}: cannot write the journal: {error.strerror}") from error
        return record

    def sync(self) -> None:
        """Flush everything appended to the disk. Raises UserError if that fails."""
        with os_errors(self.path, "write the journal"):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Reading:
    """The content of a journal file."""

    records: list[Record] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    """Byte offset behind each record."""
    damaged: list[int] = field(default_factory=list)
    """Numbers (from 1) of unreadable lines."""
    torn: bool = False
    """Whether the last line has no end: it is being written, or its writer was killed."""


def read(path: Path, start: int = 0) -> Reading:
    """Every whole record from byte `start` on. A missing file reads as empty; damage is reported, not raised."""
    reading = Reading()
    position = start
    lines, reading.torn = whole_lines(path, start)
    for number, line in enumerate(lines, 1):
        position += len(line) + 1
        record = decode(line)
        if record is None:
            reading.damaged.append(number)
        else:
            reading.records.append(record)
            reading.offsets.append(position)
    return reading


def whole_lines(path: Path, start: int = 0) -> tuple[list[bytes], bool]:
    """The lines from byte `start` on, without their ends, and whether a torn one follows; none of a missing file.

    Raises:
        UserError: the file cannot be read.
    """

    def rest_of(file: IO[bytes]) -> bytes:
        file.seek(start)
        return file.read()

    *lines, torn = _contents(path, rest_of).split(b"\n")
    return lines, bool(torn)


def first(path: Path) -> Record | None:
    """The first record, which says what a job is; None if there is none, or if it is damaged.

    Raises:
        UserError: the file cannot be read.
    """
    line = _contents(path, lambda file: file.readline())
    return decode(line[:-1]) if line.endswith(b"\n") else None


def encode(record: Record) -> bytes:
    """A record as one line. Keeps NaN and infinities."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Record | None:
    """The record of one line; None if it is damaged, or has not the form of its kind."""
    text = checked(line)
    return None if text is None else parsed(text)


def checked(line: bytes) -> bytes | None:
    """The JSON of one line; None if its checksum is another."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    return text if checksum == b"%08x" % zlib.crc32(text) else None


def parsed(text: bytes) -> Record | None:
    """The record of a line's JSON; None if it is no JSON, or has not the form of its kind."""
    record: Record
    try:
        record = from_json(text)  # in half of the time of `json.loads`
    except ValueError:
        try:  # a file name that is not UTF-8 was written with escapes that only this one reads
            record = json.loads(text)
        except (ValueError, RecursionError):  # an empty text has a valid checksum
            return None
    return record if is_sound(record) else None


def _contents(path: Path, read: Callable[[IO[bytes]], bytes]) -> bytes:
    try:
        with regular_file(path) as file:
            return read(file)
    except FileNotFoundError:
        return b""
    except OSError as error:
        what_to_do = "restore it or its permissions, or move its folder out of the store"
        raise UserError(f"{path}: cannot read the journal: {error.strerror}: {what_to_do}") from error


def _repair(path: Path) -> int:
    """Cut off what follows the last newline. Returns its length in bytes."""
    if not path.exists():
        return 0
    with regular_file(path) as file:
        body = file.read()
    torn = len(body) - (body.rfind(b"\n") + 1)
    if torn:
        os.truncate(path, len(body) - torn)
    return torn
