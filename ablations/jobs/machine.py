"""The machine of a job: device, software stack and load."""

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import torch

from fakeface.errors import UserError

EXACTNESS = ("torch", "device", "threads", "flush_denormal", "cpu", "cpu_capability")
"""The parts of a stack on which the last bits of a training depend."""


def select_device(name: str) -> torch.device:
    """The device named `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:N`.

    Raises:
        UserError: the device is missing, or does not compute (a driver of another version, all memory taken).
    """
    if name == "auto":
        return _working(torch.device("cuda", 0)) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"--device {name}: must be auto, cpu, cuda or cuda:N") from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise UserError(f"--device {name}: must be auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= count:
        raise UserError(f"--device {name}: this machine has {count} CUDA device(s); try --device auto")
    return _working(torch.device("cuda", device.index or 0))


@cache
def _working(device: torch.device) -> torch.device:
    """The device, after it has added two numbers: a GPU may be listed and yet refuse to work."""
    try:
        if torch.ones(1, device=device).add(1).item() == 2:
            return device
        why = "it computes 1 + 1 wrongly"
    except (RuntimeError, AssertionError) as error:
        why = str(error).partition("\n")[0]
    raise UserError(
        f"--device {device}: this GPU is there but cannot be used ({why}):\n"
        "end what else runs on it (`nvidia-smi` lists it) and check its driver, or pass --device cpu"
    )


def configure(device: torch.device, threads: int) -> None:
    """Fix what changes the last bits: the number of threads, cuDNN's choice of algorithm, and that subnormal numbers
    (below 1.2e-38) count as 0.

    The gradients of a discriminator that has won are that small. Processors calculate with them many times slower.
    """
    torch.set_flush_denormal(True)  # of this thread, and of those that it starts: before any other
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def stack(device: torch.device) -> dict[str, Any]:
    """Versions and hardware, for a `session` record."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "flush_denormal": torch.tensor(1e-39).mul(1).item() == 0,
        "cpu": cpu_model(),
        "cpu_capability": _cpu_capability(),
        "platform": sys.platform,
    }


def stack_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """How two stacks differ in the parts of EXACTNESS, in words."""
    return [
        f"{key}: {before.get(key)} then, {now[key]} now" for key in EXACTNESS if before.get(key) != now[key]
    ]


def system_load(device: torch.device) -> dict[str, float]:
    """The current load under MLflow's names for system metrics (percent, megabytes)."""
    memory = psutil.virtual_memory()
    load = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(interval=None),
        "system/system_memory_usage_megabytes": memory.used / 1e6,
        "system/system_memory_usage_percentage": memory.percent,
        "system/process_memory_usage_megabytes": psutil.Process().memory_info().rss / 1e6,
    }
    if device.type == "cuda":
        load[gpu_memory_metric(str(device))] = torch.cuda.memory_reserved(device) / 1e6
    return load


def gpu_memory_metric(device: str) -> str:
    """The name under which `system_load` has the memory of `cuda` or `cuda:N` that this process took of it."""
    return f"system/gpu_{torch.device(device).index or 0}_memory_usage_megabytes"


@cache
def _cpu_capability() -> str:
    """The vector instructions that ATen uses, then those that oneDNN finds: virtual machines hide some of a model's."""
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    vector = sorted(
        name for name, has in found.items() if has is True and name.startswith(("avx", "amx", "sve"))
    )
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", ""))
    return " ".join(filter(None, [torch.backends.cpu.get_cpu_capability(), *vector, limit]))


@cache
def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
