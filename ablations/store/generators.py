"""The files of the generators that a job kept, one for each evaluation."""

import re
from pathlib import Path

_NAME = re.compile(r"generator-(\d{6,})\.pt")


def generator_file(folder: Path, step: int) -> Path:
    """The path of the generator's weights at a step."""
    return folder / f"generator-{step:06d}.pt"


def kept_steps(folder: Path) -> list[int]:
    """Steps at which the generator's weights were kept, ascending."""
    found = [(_NAME.fullmatch(path.name), path) for path in folder.glob("generator-*.pt")]
    return sorted(int(match[1]) for match, path in found if match and path.is_file())
