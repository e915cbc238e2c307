"""What a finding says in words and in numbers: for the page, for Markdown and for other programs.

Names stand between backticks, as in `analysis.words`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ablations.spec.claim_models import EffectClaim, OutcomeClaim, StudyClaim, TrendClaim
from ablations.spec.claims import Claim, Metric
from analysis.claims.judging import LEVEL, WORDS, Finding
from analysis.claims.values import Group
from analysis.wording import number

HEADINGS = ("verdict", "claim", "estimate", "95% interval", "seeds", "p", "further seeds")


@dataclass(frozen=True)
class ClaimView:
    """What a reader sees of a claim, beside its figure."""

    name: str
    verdict: str
    says: str
    source: str
    words: str
    """What the data say, in a sentence or two with the numbers."""
    estimate: str
    interval: str
    seeds: str
    p: str
    needed: str
    method: str

    def cells(self) -> list[str]:
        """A row of the verdict table, in the order of `HEADINGS`."""
        return [self.verdict, self.says, self.estimate, self.interval, self.seeds, self.p, self.needed]


def claim_view(finding: Finding) -> ClaimView:
    """The words and numbers of one finding."""
    claim = finding.claim
    interval = finding.low is not None and finding.high is not None
    p, adjusted = (("–" if value is None else _p(value)) for value in (finding.p, finding.adjusted_p))
    if adjusted not in ("–", p):
        p += f" ({adjusted} in its family)"
    return ClaimView(
        name=claim.name,
        verdict=finding.verdict,
        says=claim.says,
        source=claim.source,
        words=sentence(finding),
        estimate="–" if finding.estimate is None else amount(claim, finding.estimate),
        interval=_interval(finding) if interval else "–",
        seeds=", ".join(dict.fromkeys(str(n) for n in finding.n.values())) or "–",
        p=p,
        needed=_needed(finding),
        method=_method(finding),
    )


def record(finding: Finding) -> dict[str, Any]:
    """The finding as plain data, for `ablate report --json`."""
    claim = finding.claim
    return {
        "id": claim.name,
        "says": claim.says,
        "source": claim.source,
        "verdict": finding.verdict,
        "words": sentence(finding),
        "metric": None if claim.metric is None else str(claim.metric),
        "margin": claim.margin.size,
        "relative": claim.margin.relative,
        "estimate": finding.estimate,
        "interval": None if finding.low is None else [finding.low, finding.high],
        "level": finding.level,
        "n": dict(finding.n),
        "values": {group.name: dict(group.values) for group in finding.groups},
        "missing": {group.name: group.lacking for group in finding.groups if group.missing},
        "method": finding.method,
        "p": finding.p,
        "family": claim.family,
        "family_size": finding.family_size,
        "adjusted_p": finding.adjusted_p,
        "needed_seeds": finding.needed_seeds,
    }


def tally(findings: Sequence[Finding]) -> str:
    """ "Of 12 claims 3 are supported, 1 is refuted and 8 are undecided"."""
    counts = {word: sum(finding.verdict == word for finding in findings) for word in WORDS}
    parts = [f"{count} {'is' if count == 1 else 'are'} {word}" for word, count in counts.items() if count]
    return f"Of {len(findings)} claims {_list(parts)}."


def sentence(finding: Finding) -> str:
    """What the data say, with the numbers."""
    if finding.reason:
        return finding.reason
    told = f"{_compared(finding)}{_estimated(finding)}{_standing(finding)}."
    lacking = [f"`{group.name}`: {group.lacking}" for group in finding.groups if group.missing]
    return f"{told} Without a value: {'; '.join(lacking)}." if lacking else told


def _compared(finding: Finding) -> str:
    """ "converged Loss_D is 0.316 for `a` and 0.280 for `b` (means of 5 and 5 seeds)"."""
    claim, groups = finding.claim, finding.groups
    if isinstance(claim.body, OutcomeClaim):
        body = claim.body
        word = body.exit or body.samples or body.dynamics
        counts = [f"{sum(g.values.values()):.0f} of {_seeds(len(g.values))} of `{g.name}`" for g in groups]
        return f"{_list(counts)} end as {word}"
    what = metric_words(claim.metric or Metric("quality"))
    typical = _list([f"{_typical(claim, group)} for `{group.name}`" for group in groups])
    sizes = _list(list(dict.fromkeys(str(len(group.values)) for group in groups)))
    means = "geometric means" if claim.margin.relative else "means"
    seeds = "seed" if sizes == "1" else "seeds"
    return f"{what[0].upper()}{what[1:]} is {typical} ({f'{means} of {sizes}' if sizes != '1' else 'one'} {seeds})"


def metric_words(metric: Metric) -> str:
    """ "the converged Loss_D", for a sentence or an axis."""
    series = metric.series
    return {
        "quality": "the Fréchet distance",
        "converged": f"the converged {series}",
        "oscillation": f"the oscillation of {series}",
        "steps-to-converge": f"the step at which {series} has converged",
        "final": f"{series} at the last step",
        "median": f"the median {series}",
        "reached": f"the step at which {series} is first {metric.side} {metric.threshold}",
    }[metric.summary]


def _typical(claim: Claim, group: Group) -> str:
    """The mean of a group, those that diverged or never came there told apart."""
    finite = [value for value in group.values.values() if math.isfinite(value)]
    lost = len(group.values) - len(finite)
    mean = number(typical(claim, finite)) if finite else ""
    if not lost:
        return mean
    return f"{mean or 'no number'} with {lost} of {len(group.values)} ranked last"


def typical(claim: Claim, values: Sequence[float]) -> float:
    """The mean by which a claim compares: the geometric one of a relative margin."""
    if claim.margin.relative:
        return float(np.exp(np.mean(np.log(values))))
    return float(np.mean(values))


def _estimated(finding: Finding) -> str:
    if finding.estimate is None:
        return ""
    body, value = finding.claim.body, amount(finding.claim, finding.estimate)
    if isinstance(body, EffectClaim):
        interaction = body.of == "interaction"
        what = f"the interaction of {_list(body.factors)}" if interaction else f"the effect of {body.of}"
    elif isinstance(body, TrendClaim):
        what = "the change from a run to the next"
    elif isinstance(body, OutcomeClaim) and body.against is None:
        what = "the share"
    else:
        what = "the difference"
    interval = "" if finding.low is None else f", interval {_interval(finding)}"
    return f": {what} is {value}{interval}"


def _standing(finding: Finding) -> str:
    """Where the interval lies, seen from the claim, and what it would take to decide."""
    if finding.verdict == "described":
        return "; one seed describes and does not judge"
    if finding.region is None:
        return ""
    claimed = claimed_words(finding)
    if finding.verdict != "undecided":
        return f"; all of it is {claimed}" if finding.verdict == "supported" else f"; none of it is {claimed}"
    if finding.p is not None and finding.p <= 1 - LEVEL:
        size, adjusted = finding.family_size, _p(finding.adjusted_p or 1.0)
        why = f"; alone that would decide, in its family of {size} it does not ({adjusted} after Holm)"
    else:
        why = f"; part of it is {claimed} and part is not"
    return f"{why}, and {_needs(finding)}"


def _needs(finding: Finding) -> str:
    if finding.needed_seeds is None:
        return "100 seeds a run are not expected to decide it"
    more = finding.needed_seeds
    return f"about {more} more {'seed' if more == 1 else 'seeds'} a run would decide it"


def claimed_words(finding: Finding) -> str:
    """Where the claim says that the truth lies: "below −5%"."""
    assert finding.region is not None
    low, high = finding.region.low, finding.region.high
    ends = [amount(finding.claim, end) if math.isfinite(end) else "" for end in (low, high)]
    if all(ends):
        return f"between {ends[0]} and {ends[1]}"
    return f"above {ends[0]}" if ends[0] else f"below {ends[1]}"


def amount(claim: Claim, value: float) -> str:
    """A difference in the claim's units, with its sign; a share of seeds without."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    body = claim.body
    if isinstance(body, OutcomeClaim):
        percent = f"{100 * value:.0f}"
        return f"{percent}%" if body.against is None else f"{_signed(percent)} points"
    if not claim.margin.relative:
        return _signed(number(value) if value else "0")
    # Two significant digits, lest a difference and the margin beside it round to the same.
    percent = f"{100 * value:,.1f}".removesuffix(".0") if abs(value) < 0.1 else f"{100 * value:,.0f}"
    return f"{_signed(percent)}%"


def _signed(text: str) -> str:
    """A number with its sign, a true minus; zero has none."""
    if text in ("0", "-0"):
        return "0"
    return text.replace("-", "−", 1) if text.startswith("-") else f"+{text}"


def _interval(finding: Finding) -> str:
    low, high = finding.low, finding.high
    assert low is not None
    assert high is not None
    if isinstance(finding.claim.body, StudyClaim) and finding.claim.body.window is not None:
        return f"{number(low)} to {number(high)}"
    return f"{amount(finding.claim, low)} to {amount(finding.claim, high)}"


def _needed(finding: Finding) -> str:
    if finding.verdict == "undecided" and finding.region is not None:
        return "> 100" if finding.needed_seeds is None else str(finding.needed_seeds)
    return "–"


def _method(finding: Finding) -> str:
    family = finding.claim.family
    if not finding.method or family is None:
        return finding.method
    return f"{finding.method}; one of {finding.family_size} claims of the family {family} (Holm)"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def _seeds(count: int) -> str:
    return f"{count} seed" if count == 1 else f"{count} seeds"


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
