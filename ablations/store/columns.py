"""A journal once more, in columns: `columns.npz` beside it, made when work on its job ends, read in its place.

It is worth what its journal is worth: it names the SHA-256 of the file that it was made from, and counts only while the
journal is that very file. Whatever is wrong with it, the journal is read instead.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeface.files import whole_file

Table = tuple[list[int], list[float], list[int]]
"""Steps, values and times of one metric, of one length."""


def columns_of(journal: Path) -> Path:
    """Where a journal's columns lie."""
    return journal.with_name("columns.npz")


def write(journal: Path, version: int, tables: Mapping[str, Table], rest: Mapping[str, Any]) -> None:
    """Keep what a journal says.

    Args:
        version: of what the reader makes of a journal.
        tables: its metrics by name.
        rest: all else, as JSON has it.

    A disk that refuses costs the next reader some time and is not an error.
    """
    arrays: list[npt.NDArray[Any]] = []
    places: dict[bytes, int] = {}

    def place(values: Sequence[float]) -> int:
        array = np.asarray(values)
        key = array.dtype.str.encode() + array.tobytes()
        if key not in places:  # metrics of one block share steps and times
            places[key] = len(arrays)
            arrays.append(array)
        return places[key]

    with contextlib.suppress(OSError):
        about = {
            "version": version,
            "journal": _digest(journal),
            "tables": {name: [place(column) for column in table] for name, table in tables.items()},
            "rest": rest,
        }
        with whole_file(columns_of(journal)) as file:
            named: dict[str, Any] = {f"column{index}": array for index, array in enumerate(arrays)}
            np.savez_compressed(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **named)


def read(journal: Path, version: int) -> tuple[dict[str, Table], dict[str, Any]] | None:
    """What `write` kept of this very journal; None where there is nothing, or nothing that can be used."""
    path = columns_of(journal)
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            about = json.loads(kept["about"].tobytes())
            if (about["version"], about["journal"]) != (version, _digest(journal)):
                return None
            columns = [kept[f"column{index}"].tolist() for index in range(len(kept.files) - 1)]
        # A list of its own for each metric: the reader may go on with one of them.
        tables = {
            name: (columns[steps].copy(), columns[values].copy(), columns[times].copy())
            for name, (steps, values, times) in about["tables"].items()
        }
        return tables, dict(about["rest"])
    except Exception:  # numpy and zipfile have a dozen words for a damaged file, and the journal has it all
        return None


def _digest(journal: Path) -> str:
    return hashlib.sha256(journal.read_bytes()).hexdigest()
