"""What a study says to a claim: its best setting beside its reference, and where its window lies."""

import math
from dataclasses import dataclass
from typing import Literal

from ablations.spec.claim_models import WindowClaim
from ablations.studies.record import Confirmed
from analysis.claims.values import Group
from analysis.frames.studies import StudyResult
from analysis.wording import number
from fakeface.outcomes import Exit


@dataclass(frozen=True)
class WindowFinding:
    """Whether a value lies in the window. low and high are the surest extent of the window: the inner ends of the
    intervals of its two edges; infinite where an edge is not known."""

    verdict: Literal["supported", "refuted", "undecided"]
    low: float
    high: float
    level: float | None
    words: str


def best_and_reference(study: StudyResult) -> list[Group]:
    """The Fréchet distances of the best setting and of the reference, by seed; +inf where a training diverged."""
    reference = study.reference_name or "the reference"
    return [
        _confirmed(f"{study.name}: best", study.best),
        _confirmed(f"{study.name}: {reference}", study.reference),
    ]


def _confirmed(name: str, found: Confirmed | None) -> Group:
    if found is None:
        return Group(name, {}, {"not confirmed on fresh seeds yet": (0,)})
    values: dict[int, float] = {}
    missing: dict[str, list[int]] = {}
    for result in found.results:
        if result.exit == Exit.DIVERGED:
            values[result.seed] = math.inf
        elif result.quality is None:
            missing.setdefault(result.exit, []).append(result.seed)
        else:
            values[result.seed] = result.quality
    return Group(name, values, missing)


def judge_window(study: StudyResult, claim: WindowClaim) -> WindowFinding:
    """Hold the intervals of both edges against a value: surely inside, surely outside, or neither."""
    at = claim.contains if claim.excludes is None else claim.excludes
    assert at is not None
    lower, upper = study.edges.get("lower"), study.edges.get("upper")
    # (outer, inner) end of each edge; the window surely reaches over the inner ends, and surely not over the outer.
    bottom = (lower.low, lower.high) if lower and lower.estimate is not None else (None, None)
    top = (upper.high, upper.low) if upper and upper.estimate is not None else (None, None)
    inside = bottom[1] is not None and top[1] is not None and bottom[1] < at < top[1]
    outside = (bottom[0] is not None and at < bottom[0]) or (top[0] is not None and at > top[0])
    holds = inside if claim.excludes is None else outside
    fails = outside if claim.excludes is None else inside
    level = next((edge.level for edge in (lower, upper) if edge is not None and edge.level is not None), None)
    where = (
        "inside it" if inside else "outside it" if outside else "where the edges' intervals decide nothing"
    )
    more = (
        "" if inside or outside else "; more trainings at the edges (`edges` of the study) would narrow them"
    )
    return WindowFinding(
        verdict="supported" if holds else "refuted" if fails else "undecided",
        low=-math.inf if bottom[1] is None else bottom[1],
        high=math.inf if top[1] is None else top[1],
        level=level,
        words=f"Training works {_edges(study)}; {at:g} lies {where}{more}.",
    )


def _edges(study: StudyResult) -> str:
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
