"""Where jobs run: this process (`serial`) or worker processes of this machine (`local`)."""

from ablations.executors import local, serial  # noqa: F401 - registers them
from ablations.executors._base import EXECUTORS, Ended, Executor, Setup

__all__ = ["EXECUTORS", "Ended", "Executor", "Setup"]
