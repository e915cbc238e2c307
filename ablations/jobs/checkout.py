"""The checkout of this product that a job was trained with: its commit and its uncommitted changes."""

import hashlib
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from fakeface.files import os_errors, whole_file

PRODUCT = "fakeface-ablations"
MAX_DIFF_BYTES = 1_000_000
"""A larger diff (of data or notebooks, for example) is noted by size and digest: every job stores it."""


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """The commit (None outside a checkout), whether the tree has uncommitted changes, and these as text.

    Another repository, in which the product is installed, is no checkout of it: nothing of that one is recorded.

    Args:
        folder: the folder of our packages; by default the one of this module.
    """
    folder = folder or Path(__file__).parents[2]
    top = _git(folder, "rev-parse", "--show-toplevel")
    commit = _git(folder, "rev-parse", "HEAD")
    if top is None or commit is None or not _is_ours(Path(os.fsdecode(top.rstrip(b"\n"))), folder):
        return {"commit": None, "dirty": None, "diff": ""}
    diff = _git(folder, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD") or b""
    if len(diff) > MAX_DIFF_BYTES:
        digest = hashlib.sha256(diff).hexdigest()
        diff = f"{len(diff):,} bytes of uncommitted changes, too many to keep; SHA-256 {digest}\n".encode()
    dirty = bool(_git(folder, "status", "--porcelain"))
    return {"commit": commit.decode().strip(), "dirty": dirty, "diff": diff.decode(errors="replace")}


def store_diff(git: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the diff to a file in `folder`. Returns the state with the file's name in place of the diff, or None."""
    if not git["diff"]:
        return {**git, "diff": None}
    body = git["diff"].encode()
    path = folder / f"diff-{hashlib.sha256(body).hexdigest()[:8]}.patch"
    with os_errors(path, "keep the uncommitted changes"), whole_file(path) as file:
        file.write(body)
    return {**git, "diff": path.name}


def _is_ours(top: Path, folder: Path) -> bool:
    """Whether a repository is one of this product, and tracks the packages in `folder`."""
    try:
        project = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    packages = ("ablations/__init__.py", "fakeface/__init__.py")
    return project == PRODUCT and bool(_git(folder, "ls-files", "--error-unmatch", "--", *packages))


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None if it fails. The caller's own GIT_DIR, in a hook for example, means another repository."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, timeout=20, check=False,
            env=others | {"GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
