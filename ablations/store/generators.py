"""The files of the generators that a job kept, one for each evaluation."""

import os
import re
from pathlib import Path

_NAME = re.compile(r"generator-(\d{6,})\.pt")


def generator_file(folder: Path, step: int) -> Path:
    """The path of the generator's weights at a step."""
    return folder / f"generator-{step:06d}.pt"


def kept_steps(folder: Path) -> list[int]:
    """Steps at which the generator's weights were kept, ascending."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        found = [_NAME.fullmatch(entry.name) for entry in entries if entry.is_file()]
    return sorted(int(match[1]) for match in found if match)
