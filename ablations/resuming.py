"""From which checkpoint a job may go on: a whole one that is not ahead of its journal."""

from pathlib import Path
from typing import Any

from ablations.history import History
from fakeface import checkpoints


def checkpoint_of(folder: Path) -> Path:
    """Where a job keeps its newest state."""
    return folder / "checkpoint.pt"


def usable_checkpoint(folder: Path, history: History) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest state to go on from (None: from step 0), and in words what was wrong with newer ones.

    A checkpoint beyond the steps that the journal holds without a gap is left aside: going on from it would leave
    steps that nobody ever sees. So is any where the journal no longer says on which stack it was made.
    """
    problems: list[str] = []
    for path in (checkpoint_of(folder), checkpoints.previous_of(checkpoint_of(folder))):
        try:
            payload = checkpoints.load(path)
        except FileNotFoundError:
            continue
        except checkpoints.DamagedCheckpoint as error:
            problems.append(str(error))
            continue
        if history.sessions and payload["step"] <= history.unbroken_steps:
            return payload, problems
        problems.append(f"{path}: ahead of the journal, which holds the steps up to {history.unbroken_steps}")
    return None, problems
