"""`serial`: one job at a time, in the calling process."""

from collections import deque
from collections.abc import Callable

from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import JobRunner
from ablations.jobs.machine import select_device
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from fakeface.errors import UserError


@EXECUTORS.register("serial")
class Serial(Executor):
    """`wait` runs a job to its end and ignores its timeout. The first one sets this process's number of threads."""

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__(config)
        select_device(config.device)
        self._runner: JobRunner | None = None
        self._jobs: deque[Job] = deque()
        self._cancelled: str | None = None

    def slots(self, requested: int | None) -> int:
        if requested not in (None, 1):
            raise UserError(
                f"--jobs {requested}: serial runs one job at a time; --executor local runs several"
            )
        return 1

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def cancel(self, job: Job, why: str) -> None:
        if self._jobs and job == self._jobs[0]:
            self._cancelled = why

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:  # noqa: ARG002
        if not self._jobs:
            return []
        if self._runner is None:
            self._runner = JobRunner(self.config)
        try:
            return [
                self._runner.run(self._jobs[0], self.stopping.is_set, lambda: self._cancelled, on_progress)
            ]
        finally:
            self._jobs.popleft()
            self._cancelled = None
