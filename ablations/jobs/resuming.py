"""Resuming a job: from which checkpoint, and whether repeated steps give what the journal holds."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablations.store.history import History
from fakeface.gan import checkpoints


def checkpoint_of(folder: Path) -> Path:
    """The path of a job's newest checkpoint."""
    return folder / "checkpoint.pt"


def checkpoint_files(folder: Path) -> list[Path]:
    """A job's checkpoints, newest first. Only regular files count."""
    newest = checkpoint_of(folder)
    return [path for path in (newest, checkpoints.previous_of(newest)) if path.is_file()]


def usable_checkpoint(folder: Path, history: History) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest usable checkpoint (None: start from step 0), and what is wrong with newer ones.

    A checkpoint is not usable if it is another training's, if the journal has a gap before its step, since the missing
    steps would never be recorded, or if the journal has lost the stack on which the checkpoint was made.
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
        identity = history.job.get("identity")
        if not payload.keys() >= checkpoints.STATE or payload.get("identity", identity) != identity:
            problems.append(f"{path}: not a state of this training")
            continue
        if history.sessions and payload["step"] <= history.unbroken_steps:
            return payload, problems
        problems.append(f"{path}: ahead of the journal, which holds the steps up to {history.unbroken_steps}")
    return None, problems


def first_difference(
    history: History, tables: Sequence[tuple[list[int], dict[str, list[float]]]]
) -> tuple[int, str] | None:
    """The first step at which a metric differs from its record, and how, in words; None if none does.

    Args:
        tables: new values: steps, and each metric's values at them.
    """
    differing = [
        (step, f"{name} at step {step} came out as {column[index]!r}, not {before!r}")
        for steps, columns in tables
        for index, step in enumerate(steps)
        for name, column in columns.items()
        if (before := history.value_at(name, step)) is not None and not same(before, column[index])
    ]
    return min(differing, default=None)


def same(a: float, b: float) -> bool:
    """Equal, NaN included."""
    return a == b or (math.isnan(a) and math.isnan(b))
