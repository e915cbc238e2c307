"""Whether a value of the searched number is in the window in which training works."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from ablations.spec import Names
from ablations.spec.names import Number
from analysis.claims._base import KINDS, Chart, Decided, Evidence, Kind, StudyField
from analysis.statistics import VerdictWord
from analysis.wording import number

if TYPE_CHECKING:
    from analysis.frames.studies import StudyResult


@KINDS.register("window")
class Window(Kind):
    """Whether a value of the number that a study searched is in the window in which training works."""

    chart: ClassVar[Chart] = Chart.WINDOW
    in_families: ClassVar[bool] = False

    study: StudyField
    """The study."""
    contains: Number | None = None
    """A value that works."""
    excludes: Number | None = None
    """A value that does not."""

    @model_validator(mode="after")
    def _one_value(self) -> "Window":
        if (self.contains is None) == (self.excludes is None):
            raise ValueError("give `contains` or `excludes`: a value of the searched number")
        return self

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        found = names.studies.get(self.study)
        if found is not None and (len(found.space) != 1 or not next(iter(found.space.values())).log):
            yield "study", "only a study of one number, searched by its logarithm, has a window"

    def decided(self, evidence: Evidence) -> Decided:
        """Compares both edges' intervals with the value: it is surely inside, surely outside, or neither.

        The interval is the surest extent of the window, between the inner ends of the edges' intervals; infinite where
        an edge is not known.
        """
        study, at = evidence.studies[self.study], self.contains if self.excludes is None else self.excludes
        assert at is not None
        lower, upper = study.edges.get("lower"), study.edges.get("upper")
        # (outer, inner) end of each edge: the window surely reaches the inner ends, and surely not the outer ones.
        bottom = (lower.low, lower.high) if lower and lower.estimate is not None else (None, None)
        top = (upper.high, upper.low) if upper and upper.estimate is not None else (None, None)
        inside = bottom[1] is not None and top[1] is not None and bottom[1] < at < top[1]
        outside = (bottom[0] is not None and at < bottom[0]) or (top[0] is not None and at > top[0])
        holds, fails = (inside, outside) if self.excludes is None else (outside, inside)
        level = next((edge.level for edge in (lower, upper) if edge and edge.level is not None), None)
        where = "inside it" if inside else "outside it"
        if not (inside or outside):
            where = (
                "where the edges' intervals decide nothing; more trainings at the edges (`edges` of the study) would "
                "narrow them"
            )
        return Decided(
            VerdictWord.SUPPORTED if holds else VerdictWord.REFUTED if fails else VerdictWord.UNDECIDED,
            value=at,
            low=-math.inf if bottom[1] is None else bottom[1],
            high=math.inf if top[1] is None else top[1],
            level=level,
            method="intervals of the window's edges",
            reason=f"Training works {_edges(study)}; {at:g} is {where}.",
        )


def _edges(study: "StudyResult") -> str:
    """ "from 2.5e-3 [1.7e-3, 3.6e-3] to 0.10 [0.055, 0.19]"."""
    parts = []
    for word, side in (("from", "lower"), ("to", "upper")):
        edge = study.edges.get(side)  # type: ignore[call-overload]
        if edge is None or edge.estimate is None:
            parts.append(f"{word} an edge that was not located")
            continue
        ends = [number(end) if end is not None else "?" for end in (edge.low, edge.high)]
        parts.append(f"{word} {number(edge.estimate)} [{ends[0]}, {ends[1]}]")
    return " ".join(parts)
