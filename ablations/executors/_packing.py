"""How many jobs a GPU has side by side: as many as its memory holds, by the most that a job has taken so far."""

from collections.abc import Mapping

CONTEXT_MEGABYTES = 600.0
"""What a process takes of a GPU beside PyTorch's own memory: the CUDA context and the libraries' kernels."""
HEADROOM = 1.2
"""A scoring, or a run with a wider network, needs more than what was measured."""


class Packing:
    """The number of jobs of each device. One, until a job has reported its memory."""

    def __init__(self, free: Mapping[str, float]) -> None:
        """
        Args:
            free: memory of each device that jobs may take (megabytes); infinite for the CPU.
        """
        self.free = dict(free)
        self._most = 0.0
        self._limits: dict[str, int] = {}

    def measured(self, megabytes: float) -> None:
        """Some job has this much of PyTorch's memory on its device."""
        self._most = max(self._most, megabytes)

    def ran_out(self, device: str, jobs: int) -> None:
        """A device's memory did not suffice for so many jobs."""
        self._limits[device] = min(max(1, jobs - 1), self._limits.get(device, jobs))

    def limit(self, device: str) -> int | None:
        """How many jobs a device may have after its memory did not suffice for more. None: it always did."""
        return self._limits.get(device)

    def fits(self, device: str) -> int:
        """How many jobs the memory of a GPU holds. At least one, which may fail there."""
        if not self._most:
            return 1
        return max(1, int(self.free[device] / (HEADROOM * self._most + CONTEXT_MEGABYTES)))
