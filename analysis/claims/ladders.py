"""Ladders: the claims on the shares of one gap, by hypothesis, with an answer to each.

A hypothesis is a family of these claims, one for each run that tests it (a claim without a family is one by itself), so
that choosing the run that comes nearest is corrected for: "yes" where a claim is supported after Holm's correction, "in
part" where the share is on the claimed side of 0 at the level of the family, "no" where all are refuted.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from analysis.claims._base import Group
from analysis.claims.closes import Closes
from analysis.claims.judging import Verdict
from analysis.claims.words import claimed_words, interval_words
from analysis.statistics import VerdictWord
from analysis.wording import listed, number, tallied
from fakeface.outcomes import Regime


class Answer(StrEnum):
    """What the runs that test a hypothesis say about it."""

    YES = "yes"
    IN_PART = "in part"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Hypothesis:
    """A possible cause, and the verdicts on the runs that test it."""

    says: str
    verdicts: Sequence[Verdict]

    @property
    def answer(self) -> Answer:
        answers = [answer_of(verdict) for verdict in self.verdicts]
        for answer in (Answer.YES, Answer.IN_PART):
            if answer in answers:
                return answer
        return Answer.NO if set(answers) == {Answer.NO} else Answer.UNDECIDED


@dataclass(frozen=True)
class Ladder:
    """All hypotheses on why one run fails where another works."""

    start: str
    goal: str
    hypotheses: Sequence[Hypothesis]

    @property
    def name(self) -> str:
        return f"{self.start}-{self.goal}"

    @property
    def tested(self) -> Sequence[Hypothesis]:
        """Those of which a run was trained."""
        return [one for one in self.hypotheses if any(v.word != VerdictWord.NOT_RUN for v in one.verdicts)]

    @property
    def verdicts(self) -> Sequence[Verdict]:
        return [verdict for hypothesis in self.hypotheses for verdict in hypothesis.verdicts]


def ladders_of(verdicts: Sequence[Verdict]) -> list[Ladder]:
    """The ladders among some verdicts, in their order."""
    by_gap: dict[tuple[str, str], dict[str, list[Verdict]]] = {}
    for verdict in verdicts:
        claim, kind = verdict.claim, verdict.claim.kind
        if isinstance(kind, Closes):
            families = by_gap.setdefault((kind.start, kind.goal), {})
            families.setdefault(claim.family or claim.name, []).append(verdict)
    return [
        Ladder(start, goal, [Hypothesis(own[0].claim.says, own) for own in families.values()])
        for (start, goal), families in by_gap.items()
    ]


def answer_of(verdict: Verdict) -> Answer:
    """What one run says about its hypothesis."""
    if verdict.word == VerdictWord.SUPPORTED:
        return Answer.YES
    if (judgement := verdict.judgement) is not None:
        below, above = judgement.effect.tails(0.0)
        region = judgement.region
        p = above if region.low >= 0 else below if region.high <= 0 else 1.0
        if 2 * p * verdict.family_size <= 1 - judgement.effect.level:
            return Answer.IN_PART
    return Answer.NO if verdict.word == VerdictWord.REFUTED else Answer.UNDECIDED


def rung_of(verdict: Verdict) -> Closes:
    """What a verdict in a ladder is about."""
    assert isinstance(verdict.claim.kind, Closes)
    return verdict.claim.kind


def group_of(verdict: Verdict, run: str) -> Group | None:
    """The values of one of its runs; None where they were refused."""
    return next((group for group in verdict.groups if group.name == run), None)


def shares(verdict: Verdict) -> Mapping[int, float]:
    """The share that each seed closes of the mean gap; their mean is the estimate. Empty without an estimate."""
    kind = rung_of(verdict)
    if verdict.estimate is None:
        return {}
    scaled = dict(zip((group.name for group in verdict.groups), kind.scaled(verdict.groups), strict=True))
    base, run, start, goal = (scaled[name] for name in (kind.origin, kind.run, kind.start, kind.goal))
    whole = fmean(start) - fmean(goal)
    seeds = sorted(verdict.groups[0].values)
    return {seed: (before - after) / whole for seed, before, after in zip(seeds, base, run, strict=True)}


def ladder_headings(ladder: Ladder, quality: str) -> list[str]:
    """What the columns of `ladder_rows` are; `quality` names the Fréchet distance with its N."""
    axis = ladder.verdicts[0].claim.kind.axis(quality)
    return ["run", "hypothesis", "outcome", "seeds", axis, "share of the gap", "95% interval", "verdict"]


def hypothesis_words(hypothesis: Hypothesis) -> str:
    """ "“SGD is slow by nature”: no. `sgd-10x` closes 23% of the gap, interval 5% to 41%; above 50% was claimed."."""
    known = [verdict for verdict in hypothesis.verdicts if verdict.estimate is not None]
    parts = [_rung_words(verdict) for verdict in known]
    parts += [v.reason for v in hypothesis.verdicts if v.word == VerdictWord.REFUSED]
    absent = [f"`{rung_of(v).run}`" for v in hypothesis.verdicts if v.word == VerdictWord.NOT_RUN]
    parts += [f"Not run: {listed(absent)}."] if absent else []
    if known and all(verdict.word == VerdictWord.DESCRIBED for verdict in known):
        parts.append("One seed is a description and not a verdict.")
    return f"“{hypothesis.says.rstrip('.')}”: {hypothesis.answer}. {' '.join(parts)}"


def ladder_words(ladder: Ladder) -> list[str]:
    """A sentence on each hypothesis of which a run was trained, and one that names the runs of all others."""
    found = [hypothesis_words(one) for one in ladder.tested]
    absent = [
        f"`{rung_of(v).run}`" for one in ladder.hypotheses if one not in ladder.tested for v in one.verdicts
    ]
    return [*found, f"Not run: {listed(absent)}."] if absent else found


def _rung_words(verdict: Verdict) -> str:
    kind = rung_of(verdict)
    assert verdict.estimate is not None
    bounded = verdict.low is not None and math.isfinite(verdict.low)
    words = f"`{kind.run}` closes {verdict.claim.kind.written(verdict.estimate)} of the gap"
    words += f", starting from `{kind.origin}`" if kind.origin != kind.start else ""
    words += f", interval {interval_words(verdict)}" if bounded else ""
    words += ", which these seeds do not bound" if verdict.low is not None and not bounded else ""
    words += f" ({claimed_words(verdict)} is claimed)" if verdict.region is not None else ""
    own = group_of(verdict, kind.run)
    broken = own is not None and set(own.regimes.values()) - {Regime.WORKS}
    words += f"; it ends as {tallied(own.regimes.values())}." if own is not None and broken else "."
    return f"{words} {verdict.change.sentence}" if verdict.change else words


def ladder_rows(ladder: Ladder) -> Iterator[list[str]]:
    """The start, the runs by hypothesis, and the goal."""
    ends = {name: _end(ladder, name) for name in (ladder.start, ladder.goal)}
    kind = rung_of(ladder.verdicts[0])  # a ladder has one metric
    yield [*_cells(kind, ladder.start, "", ends[ladder.start]), "0%", "", "the start"]
    for hypothesis in ladder.hypotheses:
        for verdict in hypothesis.verdicts:
            run = rung_of(verdict).run
            share = "–" if verdict.estimate is None else verdict.claim.kind.written(verdict.estimate)
            cells = _cells(rung_of(verdict), run, hypothesis.says, group_of(verdict, run))
            word = f"{verdict.word}, {verdict.change.brief}" if verdict.change else verdict.word
            yield [*cells, share, interval_words(verdict) or "–", word]
    yield [*_cells(kind, ladder.goal, "", ends[ladder.goal]), "100%", "", "the goal"]


def _end(ladder: Ladder, run: str) -> Group | None:
    """The values of an end of the gap: those of the claim that has the most seeds in common with it."""
    found = [group for verdict in ladder.verdicts if (group := group_of(verdict, run)) is not None]
    return max(found, key=lambda group: len(group.values), default=None)


def _cells(kind: Closes, run: str, says: str, group: Group | None) -> list[str]:
    if group is None:
        return [run, says, "–", "–", "–"]
    mean = number(kind.typical(group.by_seed)) if group.values else "–"  # +∞ where a training diverged
    return [run, says, tallied(group.regimes.values()) or "–", str(len(group.values)), mean]
