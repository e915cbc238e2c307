"""`serial`: one job at a time, in the calling process."""

from collections.abc import Callable

from ablations.executors._base import EXECUTORS, Ended, Setup, SlotClock, rest
from ablations.executors._runner import Workbench
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from fakeface.errors import UserError


@EXECUTORS.register("serial")
class Serial:
    """See `Executor`. `wait` runs the job to its end, whatever its timeout, and pins this process's threads."""

    def __init__(self, setup: Setup, jobs: int, stop: Callable[[], bool]) -> None:
        self.slots, self.stop = self.slots_for(setup.device, jobs), stop
        self._bench = Workbench(setup)
        self._clock = SlotClock(self.slots)
        self._job: Job | None = None
        self._why: str | None = None

    @staticmethod
    def slots_for(device: str, asked: int | None) -> int:  # noqa: ARG004 - the same on every device
        if asked not in (None, 1):
            raise UserError(f"--jobs {asked}: serial runs one job at a time; --executor local runs several")
        return 1

    def submit(self, job: Job) -> None:
        if self._job is not None:
            raise ValueError(f"{self._job.name} is in flight, and serial runs one job at a time")
        self._job, self._why = job, None
        self._clock.begin(0)

    def cancel(self, job: Job, why: str) -> None:
        if job == self._job:
            self._why = why

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        if self._job is None:
            rest(timeout or 0.0, self.stop)
            return []
        try:
            return [self._bench.take(self._job, self.stop, lambda: self._why, on_progress)]
        finally:
            self._job = None
            self._clock.end(0)

    def idle_share(self) -> float:
        return self._clock.idle_share()

    def __enter__(self) -> "Serial":
        return self

    def __exit__(self, *_: object) -> None:
        pass
