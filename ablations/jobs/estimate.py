"""How long jobs take: from the store's journals of jobs that did the same work, or else by a rule of thumb."""

import heapq
import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from ablations.jobs.plan import Job
from ablations.jobs.status import JobState, Status, lacking_scores
from ablations.store import Store
from ablations.store.history import History
from fakeface.gan.series import IMAGES_PER_SECOND

_STEP_SECONDS = 0.085
_SIZE, _WIDTH, _BATCH = 32, 32, 64
"""A step at 32x32, width 32, batch 64 takes about 0.085 s on one core; the work grows as size² width² batch."""
_SAMPLE_SECONDS = 0.002
"""A sample that is scored with EfficientNet-Lite0 takes about 0.002 s on a CPU core."""


@dataclass(frozen=True)
class Expected:
    """How long a job is expected to take."""

    seconds: float | None
    """With its scores; None if nothing is known about the device."""
    measured: bool
    """Whether journals say so, and not the rule of thumb."""


class Estimator:
    """Expected times on one device. Reads the store's journals once, for the first job that is not done.

    A job takes its steps, at the images per second of jobs with the same networks, batches and images, and pauses for
    grids, diagnoses, checkpoints and, most of all, scores: these take the seconds per scored sample of earlier jobs.

    Args:
        device: `cpu` or the GPU's name, as in a session's `stack`. Jobs of other devices are ignored.
    """

    def __init__(self, store: Store, device: str) -> None:
        self.device = device
        self._store = store

    @cached_property
    def _measured(self) -> tuple[Mapping[Hashable, float], Mapping[Hashable, float]]:
        """Images per second by work of a step, and seconds per scored sample by work of a score."""
        speeds, pauses = defaultdict[Hashable, list[float]](list), defaultdict[Hashable, list[float]](list)
        for history in map(self._store.history, self._store.job_folders()):
            devices = {session["stack"].get("device") for session in history.sessions}
            if not history.job or devices != {self.device}:
                continue
            images, seconds = _training(history)
            if images:
                speeds[_step_work(history.job["config"])].append(images / seconds)
            scored = sum(_scored_samples(history).values())
            if scored and history.outcome is not None and len(history.sessions) == 1:
                whole = (history.outcome["time"] - history.sessions[0]["time"]) / 1_000
                extractor = (history.evaluations + history.curve)[0]["details"].get("extractor")
                pauses[_score_work(history.job["config"], extractor)].append((whole - seconds) / scored)
        return (
            {work: statistics.median(found) for work, found in speeds.items()},
            {work: max(0.0, statistics.median(found)) for work, found in pauses.items()},
        )

    def expected(self, job: Job, state: JobState) -> Expected:
        """How long the rest of a job takes, from the step that it has reached."""
        if state.status == Status.DONE:
            return Expected(0.0, measured=True)
        config, total = job.config.training().model_dump(), job.total_steps
        if total is None:
            return Expected(None, measured=False)
        if state.status == Status.RE_SCORE and state.history is not None:
            steps, due = 0, lacking_scores(job, state.history)
        else:
            steps = total - state.step
            after = [step for kind in job.protocols for step in kind.steps(total) if step > state.step]
            due = {step: job.scores_at(step, total) for step in ([0] if not state.step else []) + after}
        samples = sum(_most(one.details for one in kinds.values()) for kinds in due.values())
        speeds, pauses = self._measured
        speed = speeds.get(_step_work(config))
        pause = pauses.get(_score_work(config, job.config.evaluation.extractor))
        measured = (speed is not None or not steps) and (pause is not None or not samples)
        if not measured and self.device != "cpu":
            return Expected(None, measured=False)
        batch = job.config.train.batch_size
        training = steps * (batch / speed if speed else _step_seconds(job))
        return Expected(training + samples * (_SAMPLE_SECONDS if pause is None else pause), measured)


def makespan(seconds: Iterable[float], slots: int) -> float:
    """When the last of these jobs ends, if each begins in the first slot that is free."""
    busy_until = [0.0] * slots
    for one in seconds:
        heapq.heapreplace(busy_until, busy_until[0] + one)
    return max(busy_until)


@dataclass(frozen=True)
class Price:
    """What the jobs that are left of a plan take."""

    device: str
    """`cpu` or the GPU's name."""
    jobs: int
    slots: int
    """Jobs side by side."""
    seconds: float | None
    """Of all jobs, one after another; None if the time of one is unknown."""
    makespan: float | None
    """From the first job's beginning to the last one's end."""
    measured: bool
    """Whether journals say so, and not the rule of thumb."""

    @classmethod
    def of(cls, jobs: Sequence[Expected], device: str, slots: int) -> "Price":
        """Of jobs in the order in which they begin, without those that are done."""
        measured, known = (
            all(one.measured for one in jobs),
            [one.seconds for one in jobs if one.seconds is not None],
        )
        if len(known) < len(jobs):
            return cls(device, len(jobs), slots, None, None, measured)
        return cls(device, len(jobs), slots, sum(known), makespan(known, slots), measured)


def _training(history: History) -> tuple[float, float]:
    """Images (of the batches) and seconds of the recorded blocks of steps."""
    speeds = history.series.get(IMAGES_PER_SECOND)
    if speeds is None:
        return 0.0, 0.0
    batch = history.job["config"]["train"]["batch_size"]
    images = [(last - before) * batch for before, last in pairwise([0, *speeds.steps])]
    return sum(images), sum(
        count / speed for count, speed in zip(images, speeds.values, strict=True) if speed
    )


def _scored_samples(history: History) -> dict[int, int]:
    """The number of samples that were scored, by step. The kinds of scores of one step share them."""
    scores = defaultdict[int, list[Mapping[str, Any]]](list)
    for one in history.evaluations + history.curve:
        scores[one["step"]].append(one["details"])
    return {step: _most(details) for step, details in scores.items()}


def _most(details: Iterable[Mapping[str, Any]]) -> int:
    return max((int(one["num_samples"]) for one in details), default=0)


def _step_work(config: dict[str, Any]) -> Hashable:
    """The settings on which the time of a step depends."""
    data, network, train = config["data"], config["network"], config["train"]
    parts = (network["name"], config["penalty"]["name"], config.get("augment", {}).get("name", "none"))
    sizes = (data["image_size"], data["channels"], network["width"], train["batch_size"], train["d_steps"])
    return parts, sizes, train.get("precision", "float32"), bool(train.get("ema_decay"))


def _score_work(config: dict[str, Any], extractor: str) -> Hashable:
    """The settings on which the time of a scored sample depends."""
    return extractor, config["data"]["image_size"], config["network"]["name"], config["network"]["width"]


def _step_seconds(job: Job) -> float:
    """The rule of thumb."""
    data, width, train = job.config.data, job.config.network.width, job.config.train
    work = (data.image_size / _SIZE) ** 2 * (width / _WIDTH) ** 2 * train.batch_size / _BATCH
    return _STEP_SECONDS * work * (1 + train.d_steps) / 2
