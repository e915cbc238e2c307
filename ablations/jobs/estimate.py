"""Expected duration of a job: from jobs of the same size on the same device, or else by a rule of thumb."""

import statistics
from collections import defaultdict

from ablations.jobs.plan import Job
from ablations.store import Store
from fakeface.gan.series import IMAGES_PER_SECOND

_SECONDS = 0.13
_SIZE, _WIDTH, _BATCH = 32, 32, 64
"""A step at 32x32, width 32, batch 64 takes about 0.13 s on two CPU cores; the work grows as size² width² batch."""


class Estimator:
    """Expected times on one device. Reads the store's journals once.

    Args:
        device: `cpu` or the GPU's name, as in a session's `stack`. Jobs of other devices are ignored.
    """

    def __init__(self, store: Store, device: str) -> None:
        self.device = device
        speeds: dict[tuple[int, ...], list[float]] = defaultdict(list)
        for history in map(store.history, store.job_folders()):
            devices = {session["stack"].get("device") for session in history.sessions}
            if history.job and devices == {device} and IMAGES_PER_SECOND in history.series:
                speeds[_size(history.job["config"])] += history.series[IMAGES_PER_SECOND].values
        self._speeds = {size: statistics.median(found) for size, found in speeds.items() if found}

    def seconds(self, job: Job, steps: int) -> float | None:
        """Seconds for `steps` steps of a job, without scoring; None on a GPU that has not trained this size yet."""
        measured = self._speeds.get(_size(job.config.training().model_dump()))
        if measured:
            return steps * job.config.train.batch_size / measured
        if self.device != "cpu":
            return None
        data, width, batch = job.config.data, job.config.network.width, job.config.train.batch_size
        work = (data.image_size / _SIZE) ** 2 * (width / _WIDTH) ** 2 * batch / _BATCH
        return steps * _SECONDS * work * (1 + job.config.train.d_steps) / 2


def _size(config: dict[str, dict[str, int]]) -> tuple[int, ...]:
    """The settings on which the time of a step depends."""
    data, network, train = config["data"], config["network"], config["train"]
    return data["image_size"], data["channels"], network["width"], train["batch_size"], train["d_steps"]
