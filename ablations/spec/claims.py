"""Claims of a specification: statements about its runs and studies, checked before anything is trained."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ablations.spec.claim_models import (
    ClaimEntry,
    CompareClaim,
    Difference,
    EffectClaim,
    OutcomeClaim,
    StepsClaim,
    StudyClaim,
    TrendClaim,
)
from ablations.spec.layers import unknown
from ablations.spec.models import StudyEntry
from ablations.spec.yaml_tree import Node, Problem

Summary = Literal["quality", "converged", "oscillation", "steps-to-converge", "final", "median", "reached"]
Body = CompareClaim | StepsClaim | EffectClaim | TrendClaim | OutcomeClaim | StudyClaim

KINDS = ("compare", "steps", "effect", "trend", "outcome", "study")
QUALITY = "quality"
SUMMARIES: tuple[Summary, ...] = ("converged", "oscillation", "steps-to-converge", "final", "median")
SERIES = (
    "Loss_D", "Loss_D_real", "Loss_D_fake", "Loss_G", "D(x)", "D(G(z))_before", "D(G(z))_after", "accuracy_real",
    "accuracy_fake", "grad_norm_G", "grad_norm_D", "update_ratio_G", "update_ratio_D",
)  # fmt: skip
"""What every training logs, clocks aside."""
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


@dataclass(frozen=True)
class Metric:
    """One number of a training."""

    summary: Summary
    series: str = ""
    """The logged metric that is summed up; `quality` and "" otherwise."""
    threshold: float | None = None
    """For `reached`: the step at which the series first lies on that side of it."""
    side: Literal["below", "above"] | None = None

    def __str__(self) -> str:
        if self.summary == "reached":
            sign = "≤" if self.side == "below" else "≥"
            return f"steps until {self.series} {sign} {self.threshold:g}"
        return f"{self.summary} {self.series}".strip()


@dataclass(frozen=True)
class Margin:
    """The smallest difference that matters, in the units of what is compared, or as a share of it."""

    size: float
    relative: bool

    def __str__(self) -> str:
        return f"{100 * self.size:g}%" if self.relative else f"{self.size:g}"


@dataclass(frozen=True)
class Claim:
    """A statement of the specification."""

    name: str
    says: str
    source: str
    family: str | None
    body: Body = field(repr=False)
    metric: Metric | None
    """What is compared; None: outcomes, or what a study found."""
    margin: Margin
    runs: tuple[str, ...]
    """The runs whose jobs it is about, in the order in which it names them."""

    @property
    def study(self) -> str | None:
        """The study that it is about."""
        return self.body.name if isinstance(self.body, StudyClaim) else None


def read_claims(
    root: Node,
    entries: Mapping[str, ClaimEntry],
    runs: Sequence[str],
    studies: Mapping[str, StudyEntry],
    problems: list[Problem],
) -> list[Claim]:
    """The claims of a file whose own shape is sound; what cannot be judged as written is in `problems`."""
    claims = []
    for name, entry in entries.items():
        node = root.get("claims").get(name)
        given = [kind for kind in KINDS if getattr(entry, kind) is not None]
        if len(given) != 1:
            found = f"got {' and '.join(given)}" if given else "got none"
            problems.append(Problem(node.key, f"a claim is one of {', '.join(KINDS)} ({found})"))
            continue
        claim = _Reader(node.get(given[0]), runs, studies, problems).read(name, entry, given[0])
        if claim is not None:
            claims.append(claim)
    return claims


class _Reader:
    """Reads the body of one claim; every problem points at what caused it."""

    def __init__(
        self, node: Node, runs: Sequence[str], studies: Mapping[str, StudyEntry], problems: list[Problem]
    ) -> None:
        self.node, self.runs, self.studies, self.problems = node, runs, studies, problems

    def read(self, name: str, entry: ClaimEntry, kind: str) -> Claim | None:
        before, body = len(self.problems), getattr(entry, kind)
        named = list(self._named_runs(body))
        metric = self._metric(body)
        margin = Margin(0.0, relative=False)
        if isinstance(body, OutcomeClaim):
            self._check_outcome(body)
        elif isinstance(body, StudyClaim):
            margin = self._study(body, entry) or margin
        else:
            margin = self._margin(self.node, body) or margin
        if isinstance(body, TrendClaim) and len(body.runs) < 3:
            self._problem("runs", "a trend needs three runs or more; two are a `compare`")
        if isinstance(body, EffectClaim) and body.of not in (known := [*body.factors, "interaction"]):
            self._problem("of", unknown("factor", body.of, known))
        if len(self.problems) > before:
            return None
        return Claim(name, entry.says, entry.source, entry.family, body, metric, margin, tuple(named))

    def _problem(self, key: str, message: str) -> None:
        """A problem of what stands under a key, or of the claim where nothing does."""
        node = self.node.fields().get(key)
        self.problems.append(Problem(node.place if node else self.node.key, message))

    def _named_runs(self, body: Body) -> Iterator[str]:
        seen: set[str] = set()
        for node in _run_nodes(self.node, body):
            if node.value not in self.runs:
                self.problems.append(Problem(node.place, unknown("run", str(node.value), list(self.runs))))
            elif node.value in seen:
                self.problems.append(Problem(node.place, f"the run {node.value!r} is named twice"))
            seen.add(node.value)
            yield node.value

    def _metric(self, body: Body) -> Metric | None:
        if isinstance(body, OutcomeClaim | StudyClaim):
            return None
        if isinstance(body, StepsClaim):
            return self._reached(body)
        if body.metric == QUALITY:
            return Metric("quality")
        summary, _, series = body.metric.partition(" ")
        if summary not in SUMMARIES:
            words = unknown("summary", summary, [QUALITY, *SUMMARIES])
            form = "a metric is `quality`, or a summary and what is logged, such as `converged Loss_D`"
            self._problem("metric", f"{words}: {form}")
        elif series not in SERIES:
            self._problem("metric", unknown("logged metric", series, SERIES))
        return Metric(summary, series)  # type: ignore[arg-type]

    def _reached(self, body: StepsClaim) -> Metric:
        if body.metric not in (QUALITY, *SERIES):
            self._problem("metric", unknown("logged metric", body.metric, [QUALITY, *SERIES]))
        if (body.below is None) == (body.above is None):
            self._problem("", "give `below` or `above`: the threshold that is to be reached")
        threshold = body.above if body.below is None else body.below
        return Metric("reached", body.metric, threshold, "above" if body.below is None else "below")

    def _margin(self, node: Node, body: Difference | TrendClaim) -> Margin | None:
        """The margin, under the key that goes with the direction."""
        equal = body.direction in ("same", "flat")
        key, other = ("within", "by") if equal else ("by", "within")
        written, stray = getattr(body, key), getattr(body, other)
        if stray is not None:
            place = node.get(other).key
            self.problems.append(Problem(place, f"`{body.direction}` takes its margin as `{key}`"))
            return None
        if written is None:
            message = f"lacks `{key}`: the smallest difference that matters, such as 5% or 0.05"
            self.problems.append(Problem(node.key, message))
            return None
        share = _SHARE.fullmatch(written) if isinstance(written, str) else None
        place = node.get(key).place
        if isinstance(written, str) and share is None:
            self.problems.append(Problem(place, f"must be a number or a share such as 5% (got {written!r})"))
            return None
        size = float(share[1]) / 100 if share else float(written)
        strict = equal or body.direction.startswith("not-")
        if size < 0 or (strict and size == 0):
            self.problems.append(Problem(place, f"must be {'> 0' if strict else '>= 0'} (got {written})"))
        elif share and size >= 1 and body.direction not in ("higher", "not-higher", "rising"):
            self.problems.append(Problem(place, f"nothing is lower by 100% or more (got {written})"))
        return Margin(size, relative=share is not None)

    def _check_outcome(self, body: OutcomeClaim) -> None:
        words = [word for word in ("exit", "samples", "dynamics") if getattr(body, word) is not None]
        if len(words) != 1:
            self._problem("", "give one of `exit`, `samples` and `dynamics`")
        if body.share is not None and body.against is not None:
            self._problem("share", "is for a run by itself; against another run give `by`")
        if body.by is not None and body.against is None:
            self._problem("by", "is for `against` another run; for a run by itself give `share`")

    def _study(self, body: StudyClaim, entry: ClaimEntry) -> Margin | None:
        if body.name not in self.studies:
            self._problem("name", unknown("study", body.name, list(self.studies)))
            return None
        if (body.best is None) == (body.window is None):
            self._problem("", "give `best` or `window`: what of the study the claim is about")
        elif body.best is not None:
            if self.studies[body.name].reference is None:
                self._problem("best", f"the study {body.name!r} has no `reference` to hold its best against")
            return self._margin(self.node.get("best"), body.best)
        elif body.window is not None:
            self._check_window(body, entry)
        return None

    def _check_window(self, body: StudyClaim, entry: ClaimEntry) -> None:
        window, searched = body.window, self.studies[body.name].space
        assert window is not None
        if (window.contains is None) == (window.excludes is None):
            self._problem("window", "give `contains` or `excludes`: a value of the searched number")
        if len(searched) != 1 or not next(iter(searched.values())).log:
            self._problem("window", "only a study of one number, searched by its logarithm, has a window")
        if entry.family is not None:
            words = "a window is judged by an interval, not by a p-value: it cannot be in a `family`"
            self._problem("window", words)


def _run_nodes(node: Node, body: Body) -> Iterator[Node]:
    """The places where a claim names a run."""
    if isinstance(body, EffectClaim):
        for row in node.get("runs").items():
            yield from row.items()
    elif isinstance(body, TrendClaim):
        yield from node.get("runs").items()
    elif not isinstance(body, StudyClaim):
        named: dict[str, Any] = node.fields()
        yield from (named[key] for key in ("run", "against") if key in named)
