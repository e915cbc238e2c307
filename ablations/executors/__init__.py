"""Where jobs run: in this process (`serial`) or in worker processes of this machine (`local`)."""

from ablations.executors import local, serial  # noqa: F401 - registers them
from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import JobRunner

__all__ = ["EXECUTORS", "Ended", "Executor", "JobRunner", "WorkerConfig"]
