"""How long a job will take: from jobs of the same size in the store, or a rough rule on a fresh one."""

import statistics

from ablations.plan import Job
from ablations.store import Store

_SECONDS = 0.13
_SIZE, _WIDTH, _BATCH = 32, 32, 64
"""A step at 32x32, width 32, batch 64 takes about 0.13 s on two CPU cores; the work grows as size² width² batch."""


def expected_seconds(job: Job, steps: int, store: Store) -> float:
    """Seconds for all steps of a job, scoring aside."""
    measured = _measured_seconds_per_step(job, store)
    if measured is not None:
        return steps * measured
    data, width, batch = job.config.data, job.config.network.width, job.config.train.batch_size
    work = (data.image_size / _SIZE) ** 2 * (width / _WIDTH) ** 2 * batch / _BATCH
    return steps * _SECONDS * work * (1 + job.config.train.d_steps) / 2


def _measured_seconds_per_step(job: Job, store: Store) -> float | None:
    speeds = []
    for folder in store.job_folders():
        history = store.history(folder)
        if history.job and history.outcome and _size(history.job["config"]) == _size(_dump(job)):
            speeds += (
                history.series["images_per_second"].values if "images_per_second" in history.series else []
            )
    return job.config.train.batch_size / statistics.median(speeds) if speeds else None


def _dump(job: Job) -> dict[str, dict[str, int]]:
    dumped: dict[str, dict[str, int]] = job.config.training().model_dump()
    return dumped


def _size(config: dict[str, dict[str, int]]) -> tuple[int, ...]:
    """What the time of a step depends on."""
    data, network, train = config["data"], config["network"], config["train"]
    return data["image_size"], data["channels"], network["width"], train["batch_size"], train["d_steps"]
