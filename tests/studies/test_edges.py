"""Where the window of a learning rate begins and ends, found by a staircase of trainings."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ablations.spec import StudySpec
from ablations.store.history import History
from ablations.studies import edges
from ablations.studies.edges import Staircase
from ablations.studies.record import Side, TrainingResult, Tried
from tests.studies.specs import make_job
from tests.study_records import result


def climb(
    study: StudySpec, side: Side, world: Mapping[str, float], monkeypatch: pytest.MonkeyPatch
) -> tuple[Staircase, list[int]]:
    """A staircase and its seeds, in a world where training works from one rate to another, and nowhere else."""

    def outcome(job: Any, history: History) -> TrainingResult:  # noqa: ARG001
        return result("works" if world["from"] <= job.lr <= world["to"] else "stalled", seed=job.seed)

    monkeypatch.setattr(edges, "result_of", outcome)
    rates = [1e-5, 2e-4, 3e-3, 5e-2, 0.4]
    searched = [Tried(x=lr, worked=world["from"] <= lr <= world["to"]) for lr in rates]
    staircase = Staircase(study, side, searched, 5e-2, make_job)
    seeds = []
    while (job := staircase.next_job()) is not None:
        seeds.append(job.seed)
        staircase.ended(job, History(Path("none")))
    return staircase, seeds


@pytest.mark.parametrize(("side", "edge", "first"), [("lower", "from", 200), ("upper", "to", 300)])
def test_each_edge_is_located_within_a_tenth_of_a_decade(
    study: StudySpec, side: Side, edge: str, first: int, monkeypatch: pytest.MonkeyPatch
):
    world = {"from": 8.1e-3, "to": 0.13}
    staircase, seeds = climb(study, side, world, monkeypatch)
    found = staircase.record()
    assert found.low is not None and found.high is not None and found.estimate is not None
    assert found.low < world[edge] < found.high
    assert abs(math.log10(found.estimate / world[edge])) < 0.1
    assert math.log10(found.high / found.low) < 0.8
    assert seeds == list(range(first, first + study.edges))


def test_a_window_without_an_end_is_looked_for_at_the_end_of_the_space(
    study: StudySpec, monkeypatch: pytest.MonkeyPatch
):
    staircase, _ = climb(study, "upper", {"from": 8e-3, "to": 10}, monkeypatch)
    assert staircase.results[0].x == 1.0
    assert staircase.record().estimate is None
