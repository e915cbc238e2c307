"""Where the window of a searched number begins and ends: a staircase of full trainings beside the search.

Each edge is a task of its own. It starts from what the search tried on its side; each further training is placed at the
current estimate, where its outcome is least certain. Every training has a new seed, since the edge may differ by seed.
"""

import math
from collections.abc import Sequence

from ablations.jobs.plan import Job
from ablations.spec import StudySpec
from ablations.store.history import History
from ablations.studies.record import EdgeTraining, Side, TrainingResult, Tried, WindowEdge
from ablations.studies.results import result_of
from ablations.studies.scheduler import MakeJob, Task
from ablations.studies.window import Direction, Edge, locate
from fakeface.outcomes import Regime

DIGITS = 3
"""Significant digits of the numbers tried."""


def axis_of(study: StudySpec) -> str | None:
    """The one number that the study searches by its logarithm, if it searches nothing else."""
    paths = list(study.space)
    return paths[0] if len(paths) == 1 and study.space[paths[0]].log else None


def tried(x: float, results: Sequence[TrainingResult]) -> list[Tried]:
    """The outcomes at one value of the searched number, without those of trainings that were pruned undecided."""
    known = [result.regime for result in results if result.regime != Regime.UNKNOWN]
    return [Tried(x=x, worked=regime == Regime.WORKS) for regime in known]


class Staircase(Task):
    """The trainings that locate one edge."""

    def __init__(
        self, study: StudySpec, side: Side, searched: Sequence[Tried], best: float, make_job: MakeJob
    ) -> None:
        """
        Args:
            searched: what the search tried.
            best: a value that works; the edge is on one side of it.
        """
        self.study, self.side, self.make_job = study, side, make_job
        axis = axis_of(study)
        assert axis is not None
        self.axis = axis
        self.tried = [one for one in searched if (one.x <= best if side == "lower" else one.x >= best)]
        self.results: list[EdgeTraining] = []
        self._next: tuple[float, Job] | None = None

    def next_job(self) -> Job | None:
        number = len(self.results)
        if number >= self.study.edges:
            return None
        if self._next is None:
            x = float(f"{10 ** self._place():.{DIGITS}g}")
            run = self.study.run({self.axis: x}, f"{self.study.name}-{self.side}{number}")
            self._next = x, self.make_job(run, self.study.edge_seeds(self.side)[number])
        return self._next[1]

    def ended(self, job: Job, history: History) -> None:
        assert self._next is not None
        x, result = self._next[0], result_of(job, history)
        self.results.append(EdgeTraining(x=x, **result.model_dump(exclude={"regime"})))
        self.tried += tried(x, [result])
        self._next = None

    @property
    def done(self) -> bool:
        return len(self.results) >= self.study.edges

    def located(self) -> Edge | None:
        """The edge, in log10 of the number; None if all trainings had the same outcome."""
        x = [math.log10(one.x) for one in self.tried]
        worked = [one.worked for one in self.tried]
        if len(set(worked)) < 2:
            return None
        direction: Direction = "rising" if self.side == "lower" else "falling"
        return locate(x, worked, direction=direction, bounds=self._bounds())

    def record(self) -> WindowEdge:
        """The edge in the units of the setting."""
        found = self.located()
        return WindowEdge(
            estimate=10**found.estimate if found else None,
            low=10**found.low if found else None,
            high=10**found.high if found else None,
            level=found.level if found else None,
            tried=tuple(self.tried),
            results=tuple(self.results),
        )

    def _place(self) -> float:
        """log10 of the number to try next: the estimate, or the end of the space if there is none."""
        found = self.located()
        return found.estimate if found is not None else self._bounds()[self.side == "upper"]

    def _bounds(self) -> tuple[float, float]:
        low, high = self.study.space[self.axis].bounds
        return math.log10(low), math.log10(high)
