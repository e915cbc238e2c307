"""`serial`: one job at a time, in the calling process."""

from collections.abc import Callable

from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import JobRunner
from ablations.jobs.context import Progress
from ablations.jobs.plan import Job
from fakeface.errors import UserError


@EXECUTORS.register("serial")
class Serial(Executor):
    """`wait` runs the job to its end and ignores its timeout. Sets this process's number of threads."""

    def __init__(self, config: WorkerConfig, slots: int | None, stop: Callable[[], bool]) -> None:
        super().__init__(config, slots, stop)
        self._runner = JobRunner(config)
        self._job: Job | None = None
        self._cancelled: str | None = None

    @staticmethod
    def slots_for(device: str, requested: int | None, threads: int) -> int:  # noqa: ARG004 - the same everywhere
        if requested not in (None, 1):
            raise UserError(
                f"--jobs {requested}: serial runs one job at a time; --executor local runs several"
            )
        return 1

    def submit(self, job: Job) -> None:
        if self._job is not None:
            raise ValueError(f"{self._job.name} is running, and serial runs one job at a time")
        self._job, self._cancelled = job, None

    def cancel(self, job: Job, why: str) -> None:
        if job == self._job:
            self._cancelled = why

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:  # noqa: ARG002
        if self._job is None:
            return []
        try:
            return [self._runner.run(self._job, self.stop, lambda: self._cancelled, on_progress)]
        finally:
            self._job = None
