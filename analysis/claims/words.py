"""A verdict in words and in numbers: for the page and for other programs.

Names are between backticks, as in `analysis.wording`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analysis.claims._base import LEVEL, Unit
from analysis.claims.judging import Verdict
from analysis.statistics import VerdictWord
from analysis.statistics.ranks import TIE
from analysis.wording import counted, listed

ONE_SEED = "; one seed describes and does not judge"
"""Where a sentence on one seed ends."""


def cells(verdict: Verdict) -> list[str]:
    """A verdict as text: word, claim, estimate, interval, seeds, p, further seeds."""
    p, adjusted = (("–" if value is None else _p(value)) for value in (verdict.p, verdict.adjusted_p))
    if adjusted not in ("–", p):
        p += f" ({adjusted} {_corrected_for(verdict)})"
    needed = "–"
    if verdict.look is not None:
        following = verdict.look.next_count
        open_ = verdict.word == VerdictWord.UNDECIDED and following is not None
        needed = f"look at {following}" if open_ else "–"
    elif verdict.word == VerdictWord.UNDECIDED and verdict.region is not None and not verdict.objection:
        needed = "> 100" if verdict.needed_seeds is None else str(verdict.needed_seeds)
    estimate = "–" if verdict.estimate is None else verdict.claim.kind.written(verdict.estimate)
    seeds = ", ".join(dict.fromkeys(str(n) for n in verdict.n.values())) or "–"
    return [verdict.word, verdict.claim.says, estimate, interval_words(verdict) or "–", seeds, p, needed]


def record(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data, for `ablate report --json`."""
    claim = verdict.claim
    margin, metric = claim.kind.margin, claim.kind.compared
    return {
        "id": claim.name,
        "says": claim.says,
        "source": claim.source,
        "verdict": verdict.word,
        "words": sentence(verdict),
        "metric": None if metric is None else str(metric),
        "margin": margin.size,
        "relative": margin.relative,
        "estimate": verdict.estimate,
        "interval": None if verdict.low is None else [verdict.low, verdict.high],
        "level": verdict.level,
        "n": dict(verdict.n),
        "values": {group.name: dict(group.values) for group in verdict.groups},
        "missing": {group.name: group.lacking for group in verdict.groups if group.missing},
        "method": verdict.method,
        "p": verdict.p,
        "family": claim.family,
        "family_size": verdict.family_size,
        "adjusted_p": verdict.adjusted_p,
        "needed_seeds": verdict.needed_seeds,
        "look": None if verdict.look is None else {"number": verdict.look.number, **asdict(verdict.look)},
        "judged_before": list(verdict.judged_before),
        "change": None if verdict.change is None else asdict(verdict.change),
    }


def tally(verdicts: Sequence[Verdict]) -> str:
    """ "Of 12 claims 3 are supported, 1 is refuted and 8 are undecided"."""
    counts = {word: sum(verdict.word == word for verdict in verdicts) for word in VerdictWord}
    parts = [f"{count} {'is' if count == 1 else 'are'} {word}" for word, count in counts.items() if count]
    return f"Of {counted(len(verdicts), 'claim')} {listed(parts)}."


def sentence(verdict: Verdict) -> str:
    """What the data say, with the numbers, at which of several looks, and whether the claim was written before."""
    parts = [_found(verdict), _looks(verdict), verdict.change.sentence if verdict.change else ""]
    return " ".join(filter(None, parts))


def _looks(verdict: Verdict) -> str:
    """Which of several looks this is, and whether there were looks beside."""
    words = []
    if (look := verdict.look) is not None:
        seeds = f"{counted(len(look.seeds), 'seed')} of at most {look.counts[-1]}"
        this = f"This is look {look.number} of {len(look.counts)}, at {seeds}, judged at {level_words(look.level)}: "
        this += f"all looks together err in at most {1 - LEVEL:.0%}"
        if verdict.word == VerdictWord.UNDECIDED:
            this += f"; the next is at {look.next_count} seeds" if look.next_count else "; it was the last"
        words.append(f"{this}.")
    if verdict.judged_before:
        before = listed(map(str, verdict.judged_before))
        words.append(
            f"It was also judged on {before} of these seeds, as if that look were the only one; together they err in "
            f"more than {1 - LEVEL:.0%}."
        )
        if look is None:
            words.append("`ablate run --until-decided` fixes its looks beforehand.")
    return " ".join(words)


def level_words(level: float) -> str:
    """A level to three significant digits of what is left: 95%, 98.85%."""
    return f"{100 - float(f'{100 * (1 - level):.3g}'):.10g}%"


def _found(verdict: Verdict) -> str:
    if verdict.reason:
        return verdict.reason
    kind = verdict.claim.kind
    words = f"{kind.sentence(verdict.groups)}{_estimated(verdict)}{_position(verdict)}."
    words = " ".join(filter(None, [words, kind.caveat(verdict.groups)]))
    lacking = [f"`{group.name}`: {group.lacking}" for group in verdict.groups if group.missing]
    return f"{words} Without a value: {'; '.join(lacking)}." if lacking else words


def _estimated(verdict: Verdict) -> str:
    if verdict.estimate is None:
        return ""
    estimate, interval = verdict.claim.kind.written(verdict.estimate), interval_words(verdict)
    bounds = f", interval {interval}" if interval not in ("", estimate) else ""
    why = verdict.claim.kind.why_unbounded if (verdict.low, verdict.high) == (-math.inf, math.inf) else ""
    return f": {verdict.claim.kind.effect_name} is {estimate}{bounds}{f' ({why})' if why else ''}"


def _position(verdict: Verdict) -> str:
    """Where the interval is, seen from the claim, and what it would take to decide."""
    if verdict.word == VerdictWord.DESCRIBED:
        return ONE_SEED
    if verdict.region is None:
        return ""
    claimed = claimed_words(verdict)
    if verdict.word == VerdictWord.SUPPORTED:
        return f"; all of it is {claimed}"
    if verdict.word == VerdictWord.REFUTED:
        return f"; none of it is {claimed}"
    if verdict.objection:
        return f"; all of it is {claimed}, but {verdict.objection}"
    if verdict.p is not None and verdict.p <= 1 - (verdict.level or LEVEL):
        size, adjusted = verdict.family_size, _p(verdict.adjusted_p or 1.0)
        why = f"; alone that would decide, in its family of {size} it does not ({adjusted} after Holm)"
    elif _outside(verdict) and verdict.judgement is not None and verdict.judgement.choices > 1:
        why = f"; none of it is {claimed}, which is not enough of one change among several"
    elif _outside(verdict):
        why = f"; it ends where {claimed} begins, and a tie decides nothing"
    else:
        why = f"; part of it is {claimed} and part is not"
    return why if verdict.look else f"{why}, and {_needs(verdict)}"


def _outside(verdict: Verdict) -> bool:
    """Whether the whole interval is outside the region: one of several may be, by chance."""
    if verdict.region is None or verdict.low is None or verdict.high is None:
        return False
    ends = ((verdict.region.low, verdict.high), (verdict.low, verdict.region.high))
    return any(above >= below or math.isclose(above, below, rel_tol=TIE) for above, below in ends)


def _needs(verdict: Verdict) -> str:
    if verdict.needed_seeds is None:
        return "100 seeds a run are not expected to decide it"
    more = verdict.needed_seeds
    unit = verdict.groups[0].unit
    of_each = " a run" if unit is Unit.SEED else ""
    words = f"about {more} more {unit if more == 1 else unit.plural}{of_each} would decide it"
    if verdict.claim.kind.named_study is not None:
        option = "confirm" if unit is Unit.SEED else "searches"
        return f"{words}: raise `{option}` of the study"
    return f"{words}: `ablate run --until-decided` adds them, and allows for looking again"


def _corrected_for(verdict: Verdict) -> str:
    """For what a p-value was corrected."""
    reasons = [
        reason
        for reason, holds in (
            ("over its looks", verdict.look is not None),
            ("in its family", verdict.claim.family is not None),
        )
        if holds
    ]
    return " ".join(reasons)


def claimed_words(verdict: Verdict) -> str:
    """Where the claim says that the truth is: "below −5%"."""
    assert verdict.region is not None
    low, high = verdict.region.low, verdict.region.high
    ends = [verdict.claim.kind.edge(end) if math.isfinite(end) else "" for end in (low, high)]
    if all(ends):
        return f"between {ends[0]} and {ends[1]}"
    return f"above {ends[0]}" if ends[0] else f"below {ends[1]}"


def interval_words(verdict: Verdict) -> str:
    """ "−12% to −4%", with its level where that is not `LEVEL`; empty where there is no interval."""
    if verdict.low is None or verdict.high is None:
        return ""
    if (verdict.low, verdict.high) == (-math.inf, math.inf):
        words = "unbounded"
    else:
        words = " to ".join(
            dict.fromkeys(verdict.claim.kind.written(end) for end in (verdict.low, verdict.high))
        )
    return words if verdict.look is None else f"{words} ({level_words(verdict.look.level)})"


def method_words(verdict: Verdict) -> str:
    """How it was judged, and in which family; empty where it was not."""
    family, size = verdict.claim.family, verdict.family_size
    if not verdict.method or family is None or size == 1:
        return verdict.method
    return f"{verdict.method}; one of {size} claims of the family {family} (Holm)"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
