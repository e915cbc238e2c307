"""A plan of many jobs: how often it looks at the store and the code, and the steps at which a long job pauses."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.jobs import plan
from ablations.jobs.listing import plan_rows, status_rows
from ablations.jobs.plan import make_plan
from ablations.jobs.schedule import EvenlySpaced, Schedule
from ablations.jobs.status import Status
from ablations.spec import RunConfig, Spec, load_spec
from ablations.store import Snapshot, Store
from fakeface.errors import UserError
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

    monkeypatch.setattr(plan, "code_digests", code_digests)
    for seed in range(3):
        Job(Store(tmp_path / "results"), "a-lr1e-6", seed)
    spec, store = spec_of(tmp_path, seeds=20, rates=50), Counted(tmp_path / "results")
    jobs = make_plan(spec, spec.runs, lambda _: IMAGES)
    rows = plan_rows(jobs, store)
    assert [row["state"] for row in rows] == [Status.STALE] * 3 + [Status.NEW] * 997
    assert len({row["identity"] for row in rows}) == len(status_rows(jobs, store, {})) == 1000
    assert calls["code"] == 2
    assert calls["listed"] <= 3


def test_a_plan_of_too_many_jobs_is_refused_before_it_is_made(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, seeds=401, rates=500)
    with pytest.raises(
        UserError, match=r"500 runs with 401 seeds .* choose fewer with --run, --group or --seeds"
    ):
        make_plan(spec, spec.runs, lambda _: IMAGES)


@pytest.mark.parametrize("total", [1, 7, 60, 1000])
@pytest.mark.parametrize("count", [1, 5, 7, 59, 1001, 10**12])
def test_evaluations_are_evenly_spaced(total: int, count: int) -> None:
    steps = [step for step in range(-1, total + 2) if step in EvenlySpaced(total, count)]
    assert len(steps) == min(total, count)
    assert steps[-1] == total
    gaps = {b - a for a, b in zip([0, *steps], steps, strict=False)}
    assert max(gaps) - min(gaps) <= 1


def test_a_schedule_without_end_takes_no_time() -> None:
    config = RunConfig.model_validate(
        {"evaluation": {"num_evaluations": 10_000}, "checkpoint": {"every_steps": 3}}
    )
    schedule = Schedule.of(config, 10**12)
    assert 10**12 in schedule.evaluations
    assert [step for step in range(8) if schedule.is_checkpoint(step)] == [3, 6]
    assert schedule.is_checkpoint(10**12)
    assert 0 in schedule
    assert 10**12 + 1 not in schedule
