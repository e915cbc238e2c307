"""A plan of many jobs: how often it looks at the store and the code, and the steps at which a long job pauses."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from ablations.jobs import components
from ablations.jobs.listing import plan_rows, status_rows
from ablations.jobs.plan import make_plan
from ablations.jobs.schedule import Schedule
from ablations.jobs.status import Status
from ablations.spec import RunConfig, Spec, load_spec
from ablations.store import Snapshot, Store
from fakeface.errors import UserError
from fakeface.scores import ScoreKind, curve_steps
from tests.tracking_jobs import IMAGES, Job


def spec_of(folder: Path, *, seeds: int, rates: int) -> Spec:
    path = folder / "runs.yaml"
    listed, lrs = ", ".join(map(str, range(seeds))), ", ".join(f"{n + 1}e-6" for n in range(rates))
    grid = f"{{a: {{grid: {{optimizer.lr: [{lrs}]}}}}}}"
    settings = "defaults: {train: {batch_size: 8}}\nprofiles: {quick: {train: {steps: 9}}}"
    path.write_text(f"seeds: [{listed}]\n{settings}\nruns: {grid}\n")
    return load_spec(path)


def test_a_plan_lists_the_store_once_for_all_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    class Counted(Snapshot):
        def job_folders(self) -> Iterator[Path]:
            calls["listed"] += 1
            return super().job_folders()

    def code_digests(_: list[object]) -> dict[str, str]:
        calls["code"] += 1
        return {"file.py:f": "0"}

    monkeypatch.setattr(components, "code_digests", code_digests)
    for seed in range(3):
        Job(Store(tmp_path / "results"), "a-lr1e-6", seed)
    spec, store = spec_of(tmp_path, seeds=20, rates=50), Counted(tmp_path / "results")
    jobs = make_plan(spec, spec.runs, lambda _: IMAGES)
    rows, _ = plan_rows(jobs, store)
    assert [row["state"] for row in rows] == [Status.STALE] * 3 + [Status.NEW] * 997
    assert len({row["identity"] for row in rows}) == len(status_rows(jobs, store, {})) == 1000
    assert calls["code"] == 3, "of the trainings, and of each kind of score"
    assert calls["listed"] <= 3


def test_a_plan_of_too_many_jobs_is_refused_before_it_is_made(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, seeds=401, rates=500)
    with pytest.raises(
        UserError, match=r"500 runs with 401 seeds .* choose fewer with --run, --group or --seeds"
    ):
        make_plan(spec, spec.runs, lambda _: IMAGES)


@pytest.mark.parametrize("total", [1, 9, 10, 24, 400, 5000])
def test_scores_along_a_run_are_log_spaced_and_trainings_of_all_lengths_share_them(total: int) -> None:
    steps = curve_steps(total)
    assert (steps[0], steps[-1]) == (0, total)
    assert steps[:-1] == [step for step in curve_steps(10**6) if step < total]
    assert all(b / a <= 1.61 for a, b in pairwise(steps[1:]))


def test_a_schedule_without_end_takes_no_time() -> None:
    config = RunConfig.model_validate({"checkpoint": {"every_steps": 3}})
    job = SimpleNamespace(config=config, protocols=dict.fromkeys(ScoreKind))
    schedule = Schedule.of(job, 10**12)  # type: ignore[arg-type]
    assert 10**12 in schedule.scores
    assert [step for step in range(8) if schedule.is_checkpoint(step)] == [3, 6]
    assert schedule.is_checkpoint(10**12)
    assert 0 in schedule
    assert 10**12 + 1 not in schedule
