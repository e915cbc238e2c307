"""What the process runs in: environment variables, and the cores that it may use."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for this process and those that it starts meanwhile, and restore them at the end."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


SPINNING = {"GOMP_SPINCOUNT": "30000", "KMP_BLOCKTIME": "0"}
"""How long a thread of OpenMP spins while it waits for the others, before it sleeps: turns of a loop (GNU), or
milliseconds (Intel and LLVM). `python -m benchmarks busy` compares values."""


def shorten_spinning() -> None:
    """Let OpenMP's threads sleep soon while they wait, unless the user has set how they wait.

    With another program on the cores, a thread that spins keeps the one that it waits for off them: a step of 0.04 s
    then takes seconds. The libraries read this once, when torch loads them; processes that are started inherit it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPINNING.items():
            os.environ.setdefault(name, value)


def thread_variables(threads: int) -> dict[str, str]:
    """Variables for the numerical libraries' number of threads, which they read once, when they are loaded."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))


def direct_local_requests() -> dict[str, str]:
    """Variables with which requests to this machine go through no proxy (`http_proxy`)."""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(filter(None, [hosts, "127.0.0.1,localhost,::1"])))


def has_gpu_driver() -> bool:
    """Whether a driver that torch can use is there: NVIDIA's, AMD's, or Windows' for Linux. Imports nothing."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def usable_cores() -> int:
    """Number of CPU cores that this process may use: `taskset`, a batch system or a container may restrict them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def jobs_for_cores(threads: int) -> int:
    """How many jobs with this number of threads each the usable cores take side by side."""
    return max(1, usable_cores() // threads)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPU seconds per second that the control groups (cgroup v2 or v1) of this process allow; None if unlimited.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    found = []
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mount = root / "sys/fs/cgroup" / (controllers and "cpu")
            place = mount / group.strip("/")
            for folder in (place, *place.parents):  # a group is limited by those above it too
                found += _quota_of(folder)
                if folder == mount:
                    break
    return min(found, default=None)


def _quota_of(folder: Path) -> list[float]:
    """The limit of one control group, if it has one. A container may see its own group at the top of the tree."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if quota != "max" and int(quota) > 0:
            return [int(quota) / int(period)]
    return []
