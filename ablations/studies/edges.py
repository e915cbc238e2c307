"""Where the window of a searched number begins and ends: a staircase of full trainings beside the search.

Each edge is a task of its own. What the search saw on its side counts; then each next training is placed at the
estimate itself, where its outcome is least certain. Every training has a new seed, for an edge may move with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ablations.jobs.plan import Job
from ablations.spec import StudySpec
from ablations.store.history import History
from ablations.studies.results import Result, result_of
from ablations.studies.trials import MakeJob
from ablations.studies.window import Direction, Edge, locate
from fakeface.outcomes import Regime

Side = Literal["lower", "upper"]

FIRST_SEED = {"lower": 200, "upper": 300}
"""Seeds of the staircases: neither the search's nor the confirmation's."""
DIGITS = 3
"""Significant digits of the numbers tried."""


@dataclass(frozen=True)
class Tried:
    """One training of one value of the searched number, and whether it worked."""

    x: float
    worked: bool


def axis_of(study: StudySpec) -> str | None:
    """The one number that the study searches by its logarithm, if it searches nothing else."""
    paths = list(study.space)
    return paths[0] if len(paths) == 1 and study.space[paths[0]].log else None


def verdict(result: Result) -> bool | None:
    """Whether a setting worked; None where it was cut short before anybody could know."""
    return None if result.regime == Regime.UNKNOWN else result.regime == Regime.WORKS


class Staircase:
    """The trainings that locate one edge."""

    def __init__(
        self, study: StudySpec, side: Side, seen: Sequence[Tried], best: float, make_job: MakeJob
    ) -> None:
        """`seen`: what the search tried; `best`: the value that works, from which this edge lies to one side."""
        self.study, self.side, self.make_job = study, side, make_job
        axis = axis_of(study)
        assert axis is not None
        self.axis = axis
        self.before = [one for one in seen if (one.x <= best if side == "lower" else one.x >= best)]
        self.results: list[Result] = []
        self.xs: list[float] = []
        self.tried: list[Tried] = []
        self._next: Job | None = None
        self._x = math.nan

    def next_job(self) -> Job | None:
        number = len(self.results)
        if number >= self.study.edges:
            return None
        if self._next is None:
            self._x = float(f"{10 ** self._place():.{DIGITS}g}")
            run = self.study.run({self.axis: self._x}, f"{self.study.name}-{self.side}{number}")
            self._next = self.make_job(run, FIRST_SEED[self.side] + number)
        return self._next

    def watch(self, history: History, step: int) -> str | None:  # noqa: ARG002
        """Never cut: the curve shows its score."""
        return None

    def crashed(self) -> None:
        """Taken up again by the same command."""

    def ended(self, job: Job, history: History) -> None:
        result = result_of(job, history)
        self.results.append(result)
        self.xs.append(self._x)
        worked = verdict(result)
        if worked is not None:
            self.tried.append(Tried(self._x, worked))
        self._next = None

    def located(self) -> Edge | None:
        """The edge, in log10 of the number; None where only one outcome was seen."""
        seen = self.before + self.tried
        direction: Direction = "rising" if self.side == "lower" else "falling"
        x = [math.log10(one.x) for one in seen]
        try:
            return locate(x, [one.worked for one in seen], direction=direction, bounds=self._bounds())
        except ValueError:
            return None

    def _place(self) -> float:
        """log10 of the number to try next: the estimate, or while nothing fails the end of the space."""
        found = self.located()
        return found.estimate if found is not None else self._bounds()[self.side == "upper"]

    def _bounds(self) -> tuple[float, float]:
        dimension = self.study.space[self.axis]
        assert dimension.low is not None
        assert dimension.high is not None
        return math.log10(dimension.low), math.log10(dimension.high)
