"""How long a plan takes: from journals of the same work on the same device, under slots side by side."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablations.jobs.estimate import Estimator, Expected, Price, makespan
from ablations.jobs.status import JobState, Status
from ablations.store import Store
from ablations.store.history import History, Series
from fakeface.gan.series import IMAGES_PER_SECOND
from tests.tracking_jobs import STEPS, Job

NEW = JobState(Status.NEW, "", None, None)
BATCH = 128
SCORED = {0: 16, 10: 16, 16: 16, 25: 16, STEPS: 48}
"""Samples at the steps at which a job of `tests.tracking_jobs` is scored."""


class Journals(Store):
    """A store of jobs that took 0.5 s a step and 2 s a scored sample."""

    def __init__(self, root: Path, device: str = "cpu", slow: float = 1.0) -> None:
        super().__init__(root)
        job = Job(self)
        history = History(self.folder_for("baseline", 0, job.planned.identity) / "journal.jsonl")
        history.job = {"config": job.planned.config.training().model_dump()}
        seconds = slow * (0.5 * STEPS + 2 * sum(SCORED.values()))
        history.sessions = [{"time": 1_000, "stack": {"device": device}}]
        history.outcome = {"time": 1_000 + 1_000 * seconds}
        history.series[IMAGES_PER_SECOND] = Series([10, STEPS], [BATCH / 0.5 / slow] * 2, [0, 0])
        history.curve = [self._score(step, 16) for step in SCORED]
        history.evaluations = [self._score(STEPS, 48)]
        self.known, self.planned = history, job.planned

    @staticmethod
    def _score(step: int, samples: int) -> dict[str, Any]:
        return {"step": step, "details": {"extractor": "efficientnet-lite0", "num_samples": samples}}

    def history(self, _: Path) -> History:
        return self.known


def test_a_job_takes_what_its_steps_and_scores_took_before(tmp_path: Path):
    store = Journals(tmp_path)
    estimator = Estimator(store, "cpu")
    whole = estimator.expected(store.planned, NEW)
    assert whole.measured
    assert whole.seconds == pytest.approx(0.5 * STEPS + 2 * sum(SCORED.values()))
    half = estimator.expected(store.planned, JobState(Status.RESUMABLE, "", None, None, step=16))
    assert half.seconds == pytest.approx(0.5 * (STEPS - 16) + 2 * (16 + 48))
    assert estimator.expected(store.planned, JobState(Status.DONE, "", None, None)) == Expected(0.0, True)


def test_other_devices_and_other_work_are_no_measure(tmp_path: Path):
    store = Journals(tmp_path)
    wide = store.planned.config.model_copy(
        update={"network": store.planned.config.network.model_copy(update={"width": 8})}
    )
    assert not Estimator(store, "cpu").expected(replace(store.planned, config=wide), NEW).measured
    assert Estimator(store, "NVIDIA H100").expected(store.planned, NEW) == Expected(None, False)


def test_the_optimizer_changes_no_estimate(tmp_path: Path):
    store = Journals(tmp_path)
    config = store.planned.config
    sgd = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"name": "sgd"})})
    estimator = Estimator(store, "cpu")
    assert estimator.expected(replace(store.planned, config=sgd), NEW) == estimator.expected(
        store.planned, NEW
    )


def test_jobs_side_by_side_begin_in_the_first_free_slot():
    assert makespan([3, 3, 3], 2) == 6
    assert makespan([5, 1, 1, 1], 2) == 5
    assert makespan([1, 1, 1, 5], 2) == 6
    assert makespan([], 4) == 0


def test_a_price_is_unknown_if_that_of_a_job_is():
    known, unknown = Expected(4.0, True), Expected(None, False)
    assert Price.of([known] * 3, "cpu", 2) == Price("cpu", 3, 2, 12.0, 8.0, True)
    assert Price.of([known, unknown], "NVIDIA H100", 2) == Price("NVIDIA H100", 2, 2, None, None, False)
    assert Price.of([known, Expected(1.0, False)], "cpu", 1).measured is False
