"""Atomic save and exact restore of everything that the next step depends on.

A file is one line with the SHA-256 of what follows, then what `torch.save` wrote. It is written under a temporary
name, fsynced and renamed, and the previous file is kept, so that a kill at any instant leaves a complete one.
"""

import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fakeface.errors import UserError
from fakeface.files import NotRegular, regular_file
from fakeface.gan.step import GanState

MAGIC = b"fakeface-checkpoint sha256="
STATE = frozenset({"step", "generator", "discriminator", "optimizer_g", "optimizer_d", "rng_cpu", "rng_cuda"})
"""What `capture` returns and `restore` needs. The moving average of G is there too where a training has one."""


class DamagedCheckpoint(UserError):
    """The file's digest does not match its contents, or it is not a checkpoint."""


def save(path: Path, payload: dict[str, Any]) -> None:
    """Write tensors and plain values atomically.

    Raises:
        UserError: the disk is full or read-only. The previous file stays.
    """
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    body = buffer.getvalue()
    temporary = path.with_suffix(".tmp")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: a folder or device is in the place of this file: move it away")
    try:
        with temporary.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.replace(previous_of(path))
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot write the checkpoint: {error.strerror}") from error


def load(path: Path) -> dict[str, Any]:
    """Read one file, on the CPU, without unpickling code.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedCheckpoint: digest or contents are wrong, or it is not a regular file.
        UserError: it cannot be read.
    """
    try:
        with regular_file(path) as file:
            header, _, body = file.read().partition(b"\n")
    except FileNotFoundError:
        raise
    except NotRegular as error:
        raise DamagedCheckpoint(f"{path}: {error.strerror}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if header != MAGIC + hashlib.sha256(body).hexdigest().encode():
        raise DamagedCheckpoint(f"{path}: damaged (its contents do not match its digest)")
    try:
        payload: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DamagedCheckpoint(f"{path}: contains more than tensors and plain values; not loaded") from error
    if not isinstance(payload, dict):
        raise DamagedCheckpoint(f"{path}: holds no state of a training")
    return payload


def previous_of(path: Path) -> Path:
    """The path to which `save` moves the file that it replaces."""
    return path.with_suffix(".previous" + path.suffix)


def capture(state: GanState) -> dict[str, Any]:
    """The state as tensors and plain values.

    Named streams of randomness need no state. The states of torch's own generators are kept for components that use
    them (dropout, say).
    """
    average = {} if state.average is None else {"average": state.average.state_dict()}
    return average | {
        "step": state.step,
        "generator": state.generator.state_dict(),
        "discriminator": state.discriminator.state_dict(),
        "optimizer_g": state.optimizer_g.state_dict(),
        "optimizer_d": state.optimizer_d.state_dict(),
        "rng_cpu": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore(state: GanState, payload: dict[str, Any]) -> None:
    """Put a captured state back into a freshly created one of the same settings."""
    state.generator.load_state_dict(payload["generator"])
    state.discriminator.load_state_dict(payload["discriminator"])
    if state.average is not None:
        state.average.load_state_dict(payload["average"])
    state.optimizer_g.load_state_dict(payload["optimizer_g"])
    state.optimizer_d.load_state_dict(payload["optimizer_d"])
    state.step = payload["step"]
    torch.set_rng_state(payload["rng_cpu"])
    for device, generator_state in enumerate(payload["rng_cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(generator_state, device)  # the machine may have fewer GPUs than before


def weights_sha256(*networks: nn.Module) -> str:
    """SHA-256 over names, shapes and values of all weights and statistics: equal if and only if they are."""
    digest = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
