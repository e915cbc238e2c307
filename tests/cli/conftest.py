"""A store in which `ablate run` has trained the four tiny runs; each test gets a copy of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.commands import run_command
from tests.conftest import TINY_SPEC

RUNS = ["baseline", "weight-init", "sgd", "both"]


class Place:
    """A folder with a specification and a store, and commands that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, check: int | None = 0) -> CompletedProcess[str]:
        return run_command(self.folder, *arguments, check=check)

    def json(self, *arguments: str) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self(*arguments, "--json").stdout)

    def job(self, name: str) -> Path:
        """The folder of the one job whose name begins so."""
        (folder,) = self.folder.glob(f"results/jobs/{name}-*")
        return folder


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompletedProcess[str]]:
    """The folder, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "runs.yaml").write_text(TINY_SPEC)
    return folder, run_command(folder, "run", "--no-mirror")


@pytest.fixture
def trained(first: tuple[Path, CompletedProcess[str]], tmp_path: Path) -> Place:
    shutil.copytree(first[0], tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, int]]:
    """Every file that could hold a result, with the time of its last change; locks and empty folders are left out."""

    def of(store: Path) -> dict[str, int]:
        return {
            str(path): path.stat().st_mtime_ns
            for path in store.rglob("*")
            if path.is_file() and path.suffix != ".lock" and path.name != "lock"
        }

    return of
