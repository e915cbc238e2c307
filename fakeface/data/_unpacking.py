"""How to get images out of archives and tables: commands for a shell, to show in an error."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

PACKED = (
    *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar"),
    *(".parquet", ".arrow", ".tfrecord", ".npy", ".npz", ".h5", ".hdf5", ".mat", ".lmdb"),
)
"""Endings of files that may hold many images."""
_ARCHIVES = {
    "zipfile": (".zip",),
    "tarfile": (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
}
"""Python's module that unpacks an archive -> endings of its files."""
_TABLES = {
    ".parquet": "pq.ParquetFile(file).iter_batches(100)",
    ".arrow": "pa.ipc.open_stream(file)",
}
"""Ending of a Hugging Face table -> its batches of rows, in Python."""
_SCRIPT = """
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
out = Path({out})
out.mkdir()
files = {files}
rows = (row for file in files for batch in {batches} for row in batch.to_pylist())
for i, row in enumerate(rows):
    image = next(v for v in row.values() if isinstance(v, dict) and v.get("bytes"))
    (out / f"{{i:06}}.png").write_bytes(image["bytes"])
"""
# The name says .png whatever the format is: files are read by their content.


def unpacking(path: Path, packed: Sequence[Path]) -> str:
    """What to do about a path that is, or holds, `PACKED` files and no images.

    Args:
        path: that of the data set.
        packed: the file itself, or those in the folder.
    """
    for file in packed:
        for module, endings in _ARCHIVES.items():
            if file.name.lower().endswith(endings):
                target = file.with_name(f"{file.name.split('.')[0]}-images")
                words = "an archive, which is not opened. Unpack it, and any other, with"
                then = "run this again" if path.is_dir() else f"set data.path to {target}"
                return _steps(words, ["-m", module, "-e", str(file), str(target)], then)
    for kind, batches in _TABLES.items():
        tables = [file for file in packed if file.suffix.lower() == kind]
        if tables:
            target = path.with_name(f"{path.name.split('.')[0]}-images")
            found = f'sorted(Path({_text(path)}).rglob("*{kind}"))' if path.is_dir() else f"[{_text(path)}]"
            script = _SCRIPT.format(out=_text(target), files=found, batches=batches)
            words = f"a table such as Hugging Face's ({len(tables)} {kind}). Write its images to files with"
            return _steps(words, ["-c", script], f"set data.path to {target}")
    return "an archive or table: write its images to files, and set data.path to their folder"


def _steps(words: str, arguments: list[str], then: str) -> str:
    return f"{words}\n\n{shlex.join([sys.executable, *arguments])}\n\nand {then}"


def _text(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
