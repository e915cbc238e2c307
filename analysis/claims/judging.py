"""Claims and data -> verdicts: supported, refuted or undecided, by how much, and what it would take to decide.

Rules (docs/statistics.md): pairs where seeds allow, means by t, ranks where a training diverged; the whole 95% interval
in the claimed region supports it, unless its kind has an objection; the whole interval outside refutes it. One seed is
described and never judged. Several looks at a claim have a level each. A claim that the data cannot be compared with
says why, and stops no other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from analysis.claims._base import LEVEL, CannotCompare, Claim, Evidence, Group, LastLook
from analysis.claims.preregistration import Change
from analysis.claims.values import check_trainings, not_ended
from analysis.statistics import Judgement, Region, VerdictWord, further_seeds, holm, judge_each
from analysis.wording import counted


@dataclass(frozen=True)
class Look:
    """The seeds by which a claim is judged, and at which level: the only look at it, or one of several."""

    seeds: tuple[int, ...]
    counts: tuple[int, ...] = ()
    """How many seeds there are at each of several looks, which were fixed before the first; empty for the only one."""
    levels: tuple[float, ...] = ()
    """The level of each of several looks."""

    @property
    def number(self) -> int:
        """Of this look among several, from 1."""
        return self.counts.index(len(self.seeds)) + 1

    @property
    def level(self) -> float:
        """The level of this look."""
        return self.levels[self.number - 1] if self.counts else LEVEL

    @property
    def last(self) -> LastLook | None:
        """The last of several looks; None for the only one."""
        return LastLook(self.counts[-1], self.levels[-1]) if self.counts else None

    @property
    def next_count(self) -> int | None:
        """How many seeds there are at the next look; None if there is none."""
        return next((count for count in self.counts if count > len(self.seeds)), None)


@dataclass(frozen=True)
class Verdict:
    """What the data say about a claim. Numbers of a relative margin are shares: -0.1 is 10% lower."""

    claim: Claim
    word: VerdictWord
    groups: Sequence[Group] = ()
    """What it was judged by, in the claim's order."""
    estimate: float | None = None
    low: float | None = None
    """Lower end of the interval; -inf where the data set no bound, None where there is no interval."""
    high: float | None = None
    level: float | None = None
    region: Region | None = None
    """Where the claim says that the truth is, in the units of the estimate."""
    method: str = ""
    p: float | None = None
    """Two-sided p-value of the verdict that the data lean to."""
    adjusted_p: float | None = None
    """The same after the corrections for several looks and for a family (Holm): to be compared with 1 - LEVEL. None for
    a claim with neither."""
    family_size: int = 1
    reason: str = ""
    """Why it was not judged, and what to do."""
    objection: str = ""
    """Why it is undecided although the interval supports it."""
    value: float | None = None
    """The value in question, of a claim about a window."""
    judgement: Judgement | None = field(default=None, repr=False)
    """On the scale on which values were compared: logarithms for a relative margin."""
    change: Change | None = None
    """That the claim is not what it was when its trainings began."""
    look: Look | None = None
    """The one of several looks at which it was judged."""
    judged_before: tuple[int, ...] = ()
    """Numbers of its seeds at which it was judged as well, each time as if that were the only look."""

    @property
    def n(self) -> Mapping[str, int]:
        """The number of seeds behind it, by run."""
        return {group.name: len(group.values) for group in self.groups}

    @cached_property
    def needed_seeds(self) -> int | None:
        """Further seeds a run that would decide it; None where it is decided, 100 seeds would not decide it, or its
        looks are fixed already."""
        undecided = self.word == VerdictWord.UNDECIDED and not self.objection
        if not undecided or self.judgement is None or self.look is not None:
            return None
        # Bonferroni's level is the strictest that Holm can require of a member: enough, at times more than needed.
        strict = replace(
            self.judgement.effect, level=1 - (1 - LEVEL) / (self.family_size * self.judgement.choices)
        )
        return further_seeds(strict, self.judgement.region)


def judge_claims(
    claims: Sequence[Claim],
    evidence: Evidence,
    command: Callable[[Claim], str],
    looks: Mapping[str, Look] | None = None,
) -> list[Verdict]:
    """What the data say about each claim, in the order given.

    Args:
        claims: all of the specification: a family is as large as the file says, whatever was run of it.
        command: the command that makes what a claim lacks.
        looks: by name of a claim, by which seeds and at which level it is judged; any other by all seeds, once.
    """
    verdicts = [_judge(claim, evidence, command, (looks or {}).get(claim.name)) for claim in claims]
    groups: dict[str | int, list[int]] = {}
    for index, (claim, verdict) in enumerate(zip(claims, verdicts, strict=True)):
        if claim.family is not None or verdict.look is not None:
            groups.setdefault(index if claim.family is None else claim.family, []).append(index)
    for members in groups.values():
        adjusted = holm([_p_of_all_looks(verdicts[index]) for index in members])
        for index, p in zip(members, adjusted, strict=True):
            verdicts[index] = _corrected(verdicts[index], float(p), len(members))
    return verdicts


def _judge(claim: Claim, evidence: Evidence, command: Callable[[Claim], str], look: Look | None) -> Verdict:
    verdict = _judged(claim, evidence, command, look)
    return replace(verdict, look=look) if look is not None and look.counts else verdict


def _judged(claim: Claim, evidence: Evidence, command: Callable[[Claim], str], look: Look | None) -> Verdict:
    kind = claim.kind
    level, last = (look.level, look.last) if look else (LEVEL, None)
    if look is not None:  # other seeds, which other claims have, change nothing
        evidence = replace(evidence, frames=evidence.frames.of_seeds(look.seeds))
    if kind.named_study is not None and kind.named_study not in evidence.studies:
        reason = f"The study has not been run: `{command(claim)}`."
        return Verdict(claim, VerdictWord.NOT_RUN, reason=reason)
    if (decided := kind.decided(evidence)) is not None:
        return Verdict(claim, **vars(decided))
    groups: Sequence[Group] = ()
    if look is not None and look.counts and (lacking := not_ended(evidence.frames, kind.named_runs)):
        reason = (
            f"Look {look.number} of {len(look.counts)} is at {counted(len(look.seeds), 'seed')}: {lacking}. "
        )
        return Verdict(claim, VerdictWord.NOT_RUN, reason=f"{reason}`{command(claim)}` trains them.")
    try:
        check_trainings(evidence.frames, kind.named_runs)
        groups = kind.groups(evidence)
        if empty := [group for group in groups if not group.values]:
            reasons = "; ".join(f"`{group.name}`: {group.lacking or 'no job'}" for group in empty)
            reason = f"{reasons}. `{command(claim)}` makes what is missing."
            return Verdict(claim, VerdictWord.NOT_RUN, groups, reason=reason)
        if min(len(group.values) for group in groups) == 1:
            return Verdict(claim, VerdictWord.DESCRIBED, groups, estimate=kind.point(groups))
        judgement, objection = judge_each(kind.effects(groups, level), kind.region), None
        if judgement.verdict == VerdictWord.SUPPORTED and (objection := kind.objection(groups, level, last)):
            judgement = replace(judgement, p=objection.p)
    except CannotCompare as error:
        return Verdict(claim, VerdictWord.REFUSED, groups, reason=f"{error}.")
    effect, region = judgement.effect, judgement.region
    return Verdict(
        claim,
        judgement.verdict,
        groups,
        estimate=kind.shown(effect.estimate),
        low=kind.shown(effect.low),
        high=kind.shown(effect.high),
        level=effect.level,
        region=Region(kind.shown(region.low), kind.shown(region.high)),
        method=effect.method,
        p=judgement.p,
        judgement=judgement,
        objection=objection.words if objection else "",
    )


def _p_of_all_looks(verdict: Verdict) -> float:
    """The p-value corrected for several looks: p α / α(k) at a look with the error α(k). The chance that some look has
    one of x or less is at most x.

    A claim that cannot be judged yet counts as one that shows nothing: no verdict of its family changes with it.
    """
    if verdict.p is None:
        return 1.0
    return min(1.0, verdict.p * (1 - LEVEL) / (1 - verdict.look.level)) if verdict.look else verdict.p


def _corrected(verdict: Verdict, p: float, size: int) -> Verdict:
    """The verdict after the corrections for its looks and, by Holm, for a family of this size."""
    if verdict.judgement is None:
        return replace(verdict, family_size=size)
    return replace(verdict, word=verdict.judgement.corrected(p, LEVEL), adjusted_p=p, family_size=size)
