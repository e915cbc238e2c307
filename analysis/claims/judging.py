"""Claims and data -> verdicts: supported, refuted or undecided, by how much, and what it would take to decide.

Rules (docs/statistics.md): pairs where seeds allow, means by t, ranks where a training diverged; the whole 95% interval
in the claimed region supports it, the whole interval outside refutes it. A margin given as a share compares
logarithms, so that the estimate is a ratio of geometric means. One seed describes and never judges. A claim that the
data cannot be held against says why, and stops no other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ablations.spec.claim_models import EffectClaim, OutcomeClaim, StudyClaim, TrendClaim
from ablations.spec.claims import Body, Claim
from analysis.claims.studies import best_and_reference, judge_window
from analysis.claims.values import CannotCompare, Group, outcomes_of, values_of
from analysis.frames.jobs import Frames
from analysis.frames.studies import StudyResult
from analysis.statistics import (
    Effect,
    Judgement,
    Region,
    difference,
    further_seeds,
    holm,
    is_paired,
    judge,
    share,
    share_difference,
    trend,
    two_by_two,
)

LEVEL = 0.95
MOST_SHARE = 0.5
"""Of all seeds: "in most seeds", where a claim about an outcome says no more."""

Word = Literal["supported", "refuted", "undecided", "described", "not run", "refused"]
WORDS: tuple[Word, ...] = ("supported", "refuted", "undecided", "described", "not run", "refused")


@dataclass(frozen=True)
class Finding:
    """What the data say about a claim. Numbers of a relative margin are shares: -0.1 is 10% lower."""

    claim: Claim
    verdict: Word
    groups: Sequence[Group] = ()
    """What it was judged by, in the claim's order."""
    estimate: float | None = None
    low: float | None = None
    """Lower end of the interval; -inf where the data set no bound, None where there is no interval."""
    high: float | None = None
    level: float | None = None
    region: Region | None = None
    """Where the claim says that the truth lies, in the units of the estimate."""
    method: str = ""
    p: float | None = None
    """Two-sided p-value of the verdict that the data lean to."""
    adjusted_p: float | None = None
    """The same after Holm's correction; None where the claim stands alone."""
    family_size: int = 1
    needed_seeds: int | None = None
    """Further seeds a run that would decide it; None where it is decided, or 100 seeds would not."""
    reason: str = ""
    """Why it was not judged, and what to do."""

    @property
    def n(self) -> Mapping[str, int]:
        """How many seeds stand behind it, by run."""
        return {group.name: len(group.values) for group in self.groups}


@dataclass(frozen=True)
class _Judged:
    """A claim that data were held against, before its family is looked at."""

    finding: Finding
    effect: Effect | None = None
    judgement: Judgement | None = None
    """Both on the scale on which they were compared: logarithms for a relative margin."""


def judge_claims(
    claims: Sequence[Claim],
    frames: Frames,
    studies: Mapping[str, StudyResult],
    command: Callable[[Claim], str],
) -> list[Finding]:
    """What the data say about each claim, in the order given.

    Args:
        claims: all of the specification: a family is as large as the file says, whatever was run of it.
        frames: the jobs of all runs that the claims name.
        studies: those that were run, by name.
        command: the command that makes what a claim lacks.
    """
    judged = [_judge(claim, frames, studies, command) for claim in claims]
    families: dict[str, list[int]] = {}
    for index, claim in enumerate(claims):
        if claim.family is not None:
            families.setdefault(claim.family, []).append(index)
    findings = [one.finding for one in judged]
    for members in families.values():
        # A member that cannot be judged yet counts as one that shows nothing, so that no verdict changes with it.
        adjusted = holm([1.0 if (p := findings[index].p) is None else p for index in members])
        for index, p in zip(members, adjusted, strict=True):
            findings[index] = _corrected(judged[index], float(p), len(members))
    return [_with_needs(finding, one) for finding, one in zip(findings, judged, strict=True)]


def _judge(
    claim: Claim, frames: Frames, studies: Mapping[str, StudyResult], command: Callable[[Claim], str]
) -> _Judged:
    try:
        if isinstance(claim.body, StudyClaim):
            if claim.body.name not in studies:
                reason = f"The study has not been run: `{command(claim)}`."
                return _Judged(Finding(claim, "not run", reason=reason))
            return _of_study(claim, claim.body, studies[claim.body.name], command(claim))
        if isinstance(claim.body, OutcomeClaim):
            return _of_outcome(claim, claim.body, frames, command)
        assert claim.metric is not None
        groups = values_of(frames, claim.runs, claim.metric)
        return _unjudged(claim, groups, command(claim)) or _of_values(claim, groups)
    except CannotCompare as error:
        return _Judged(Finding(claim, "refused", reason=f"{error}."))


def _unjudged(claim: Claim, groups: Sequence[Group], command: str) -> _Judged | None:
    """Too little to judge by: a run without any value, or with one."""
    if empty := [group for group in groups if not group.values]:
        reasons = "; ".join(f"`{group.name}`: {group.lacking or 'no job'}" for group in empty)
        reason = f"{reasons}. `{command}` makes what is missing."
        return _Judged(Finding(claim, "not run", groups, reason=reason))
    if min(len(group.values) for group in groups) > 1:
        return None
    means = [float(np.mean(_scaled(claim, group))) for group in groups]
    found = float(np.dot(_weights(claim.body, len(groups)), means)) if np.isfinite(means).all() else None
    estimate = math.expm1(found) if found is not None and claim.margin.relative else found
    return _Judged(Finding(claim, "described", groups, estimate=estimate))


def _weights(body: Body, groups: int) -> Sequence[float]:
    """The contrast of the groups' means that a claim is about, in the claim's order."""
    if isinstance(body, TrendClaim):
        step = 1 / (groups - 1)
        return [-step, *[0.0] * (groups - 2), step]
    if not isinstance(body, EffectClaim):
        return [1.0, -1.0][:groups]
    half = 0.5
    contrasts = {body.factors[0]: (-half, -half, half, half), body.factors[1]: (-half, half, -half, half)}
    return contrasts.get(body.of, (1.0, -1.0, -1.0, 1.0))


def _of_values(claim: Claim, groups: Sequence[Group]) -> _Judged:
    """Judged by numbers, against the claim's direction and margin."""
    paired = is_paired(*(group.values for group in groups))
    effect = _effect(claim.body, [_scaled(claim, group) for group in groups], paired)
    body = claim.body.best if isinstance(claim.body, StudyClaim) else claim.body
    assert body is not None
    assert not isinstance(body, OutcomeClaim)
    region = region_of(body.direction, claim.margin.size, relative=claim.margin.relative)
    return _judged(claim, groups, effect, region)


def _effect(body: Body, values: Sequence[Sequence[float]], paired: bool) -> Effect:
    if isinstance(body, TrendClaim):
        return trend(values, level=LEVEL)
    if not isinstance(body, EffectClaim):
        return difference(values[0], values[1], paired=paired, level=LEVEL)
    neither, second, first, both = values
    found = two_by_two([[neither, second], [first, both]], paired=paired, level=LEVEL)
    effects = {body.factors[0]: found.first, body.factors[1]: found.second}
    return effects.get(body.of, found.interaction)


def _judged(claim: Claim, groups: Sequence[Group], effect: Effect, region: Region) -> _Judged:
    judgement = judge(effect, region)

    def back(value: float) -> float:
        """From logarithms to a share; what has no bound has none there either."""
        return math.expm1(value) if claim.margin.relative and math.isfinite(value) else value

    finding = Finding(
        claim,
        judgement.verdict,
        groups,
        estimate=back(effect.estimate),
        low=back(effect.low),
        high=back(effect.high),
        level=effect.level,
        region=Region(back(region.low), back(region.high)),
        method=effect.method,
        p=judgement.p,
    )
    return _Judged(finding, effect, judgement)


def _of_outcome(claim: Claim, body: OutcomeClaim, frames: Frames, command: Callable[[Claim], str]) -> _Judged:
    part = next(name for name in ("exit", "samples", "dynamics") if getattr(body, name) is not None)
    groups = outcomes_of(frames, claim.runs, part, getattr(body, part))
    if (early := _unjudged(claim, groups, command(claim))) is not None:
        return early
    counts = [int(sum(group.values.values())) for group in groups]
    sizes = [len(group.values) for group in groups]
    if body.against is None:
        region = Region(MOST_SHARE if body.share is None else body.share, math.inf)
        return _judged(claim, groups, share(counts[0], sizes[0], level=LEVEL), region)
    effect = share_difference((counts[0], counts[1]), (sizes[0], sizes[1]), level=LEVEL)
    return _judged(claim, groups, effect, Region(body.by or 0.0, math.inf))


def _of_study(claim: Claim, body: StudyClaim, study: StudyResult, command: str) -> _Judged:
    if body.window is not None:
        found = judge_window(study, body.window)
        return _Judged(
            Finding(
                claim, found.verdict, low=found.low, high=found.high, level=found.level,
                method="intervals of the window's edges", reason=found.words,
            )
        )  # fmt: skip
    groups = best_and_reference(study)
    return _unjudged(claim, groups, command) or _of_values(claim, groups)


def _scaled(claim: Claim, group: Group) -> list[float]:
    """The values by seed on the scale on which they are compared."""
    values = [value for _, value in sorted(group.values.items())]
    if not claim.margin.relative:
        return values
    if min(values) <= 0:
        raise CannotCompare(
            f"`{group.name}` has a value of {min(values):g}, of which no share can be taken: give the margin in the "
            f"units of {claim.metric}"
        )
    return [math.log(value) for value in values]


def region_of(direction: str, margin: float, *, relative: bool) -> Region:
    """Where a statement says that the truth lies; of a relative margin in logarithms."""
    below, above = (math.log1p(-margin), math.log1p(margin)) if relative else (-margin, margin)
    return {
        "lower": Region(-math.inf, below),
        "higher": Region(above, math.inf),
        "same": Region(below, above),
        "not-lower": Region(below, math.inf),
        "not-higher": Region(-math.inf, above),
        "falling": Region(-math.inf, below),
        "rising": Region(above, math.inf),
        "flat": Region(below, above),
    }[direction]


def _corrected(one: _Judged, p: float, size: int) -> Finding:
    """The finding after Holm's correction in a family of this size."""
    if one.judgement is None:
        return replace(one.finding, family_size=size)
    holds = p <= 1 - LEVEL + 1e-12
    verdict: Word = one.judgement.leaning if holds else "undecided"
    return replace(one.finding, verdict=verdict, adjusted_p=p, family_size=size)


def _with_needs(finding: Finding, one: _Judged) -> Finding:
    """The finding with the seeds that it still needs."""
    if finding.verdict != "undecided" or one.effect is None or one.judgement is None:
        return finding
    # Bonferroni's level is the least that Holm asks of any member: enough, if more than always needed.
    strict = replace(one.effect, level=1 - (1 - LEVEL) / finding.family_size)
    return replace(finding, needed_seeds=further_seeds(strict, one.judgement.region))
