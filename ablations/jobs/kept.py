"""The generators that a job kept, one file for each evaluation. Other files and folders in their place do not count."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ablations.store import generator_file
from fakeface.gan import checkpoints


def keep(folder: Path, step: int, generator: nn.Module, identity: str) -> None:
    """Write the generator's weights at a step. Raises UserError if the disk refuses."""
    path = generator_file(folder, step)
    checkpoints.save(path, {"generator": generator.state_dict(), "step": step, "identity": identity})
    checkpoints.previous_of(path).unlink(missing_ok=True)


def kept_weights(folder: Path, step: int, like: nn.Module, identity: str) -> dict[str, Tensor]:
    """The weights kept at a step, with the names and shapes of the generator `like`, on the CPU.

    Raises:
        checkpoints.DamagedCheckpoint: the file is damaged, or holds something else.
    """
    path = generator_file(folder, step)
    payload = checkpoints.load(path)
    weights: dict[str, Any] = payload.get("generator", {})
    expected = {name: tensor.shape for name, tensor in like.state_dict().items()}
    if (
        (payload.get("step"), payload.get("identity", identity)) != (step, identity)
        or {name: getattr(value, "shape", None) for name, value in weights.items()} != expected
    ):  # fmt: skip
        raise checkpoints.DamagedCheckpoint(
            f"{path}: not this job's generator at step {step}: put the right file back, or remove this one"
        )
    return weights
