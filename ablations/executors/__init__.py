"""Where jobs run: in this process (`serial`), in worker processes of this machine (`local`) or of a cluster (`ray`)."""

from ablations.executors import local, ray, serial  # noqa: F401 - registers them
from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import JobRunner

__all__ = ["EXECUTORS", "Ended", "Executor", "JobRunner", "WorkerConfig"]
