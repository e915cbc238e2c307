"""What the seeds of a plan can show, claim by claim, before they are trained.

Where every run of a claim has two earlier seeds or more, their effect and spread are taken for the truth, as in the
seeds that an undecided verdict still needs. Elsewhere the values are supposed: each kind says which. Their spread is
then that of the runs that have earlier seeds, or else `SPREAD` of the value, no training diverges, and what a seed does
to one run tells nothing about another.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.claims._base import LEVEL, CannotCompare, Claim, Evidence, Group, Kind
from analysis.claims.values import check_trainings
from analysis.statistics import Effect, Region
from analysis.statistics.differences import MIN_PAIRS
from analysis.statistics.seeds import MOST_SEEDS, POWER, chance, detectable, least_p, least_seeds
from analysis.wording import counted, number, span

SPREAD = 0.05
"""Standard deviation over seeds, as a share of the value, where the store has no earlier seeds."""
ASSUMED = "assumed"
EACH_COUNT = 12
"""Up to this many seeds every number is tried; above, the least is found by bisection."""
HEADINGS = ("claim", "chance", "needs", "shown if", "spread", "supposing")
"""The columns of the table, the most important first."""
LEGEND = {
    "chance": "that the claim is supported or refuted, if what is supposed is true",
    "needs": f"seeds of each run for a chance of {POWER:.0%}",
    "shown if": f"the true value with which it is supported in {POWER:.0%} of all cases; never: with no value, since "
    "the smallest p of these seeds, or their spread, is too large",
    "spread": "standard deviation over seeds",
    "more": 'docs/statistics.md, under "Power before the money is spent"',
}
"""What the columns hold."""

Array = npt.NDArray[np.float64]
Effects = Callable[[int], Sequence[Effect]]
"""The effects by which a number of seeds a run is judged: on it depends whether they are paired."""


@dataclass(frozen=True)
class Outlook:
    """What a number of seeds can show of a claim."""

    claim: Claim
    n: int
    """Seeds of each run."""
    level: float
    """Of the claim alone, so that its family errs in at most 1 - `LEVEL` (Bonferroni)."""
    family_size: int
    spread: float | None = None
    """Standard deviation over seeds, the root mean square of the runs: as a share of the value where it is `ASSUMED` or
    the margin is relative, else in the metric's units; None of outcomes."""
    source: str = ""
    """Where the spread comes from: `ASSUMED`, or how many earlier seeds."""
    shown: Region | None = None
    """Where the truth must be for a support in `POWER` of all cases, in the claim's units; None: no truth suffices.
    Ends that are NaN: ranks decide, in which distance does not count."""
    chance: float | None = None
    """The probability of a verdict; None where the truth is on the edge of what the claim says."""
    truth: str = ""
    """What is taken for the truth in it."""
    needed_seeds: int | None = None
    """Seeds of each run with which that chance is `POWER`; None: 100 do not suffice."""
    least_p: float = 0.0
    """The smallest p-value that these seeds can give, whatever the truth."""
    least_seeds: int | None = None
    """The fewest seeds of each run that can support it at all; None: 100 cannot."""
    reason: str = ""
    """Why nothing can be said."""

    @property
    def decidable(self) -> bool:
        """Whether some values of these seeds would support it."""
        return not self.reason and self.n > 1 and self.least_p <= 1 - self.level


def outlooks(claims: Sequence[Claim], evidence: Evidence, n: int, runs: set[str]) -> list[Outlook]:
    """What n seeds a run can show of the claims that are about some of these runs and no others.

    Args:
        claims: all of the specification: a family is as large as the file says.
        evidence: the earlier seeds of the runs.
    """
    families = [claim.family for claim in claims]
    return [
        _outlook(claim, evidence, n, families.count(claim.family) if claim.family else 1)
        for claim in claims
        if claim.kind.named_runs and set(claim.kind.named_runs) <= runs
    ]


def _outlook(claim: Claim, evidence: Evidence, n: int, family_size: int) -> Outlook:
    kind, level = claim.kind, 1 - (1 - LEVEL) / family_size
    try:
        check_trainings(evidence.frames, kind.named_runs)
        groups = kind.groups(evidence)
        spread, source = _spread(kind, groups)
        if min(len(group.values) for group in groups) > 1:
            effects_at, truth = _earlier_effects(kind, groups, level)
        else:
            effects_at, truth = _supposed_effects(kind, groups, spread, source, level)
        effects = effects_at(n)
    except CannotCompare as error:
        return Outlook(claim, n, level, family_size, reason=str(error))
    region = kind.region
    shown = detectable(effects, region, n) if n > 1 else None
    on_edge = any(
        math.isclose(effect.estimate, edge, abs_tol=1e-9) for effect in effects for edge in region.edges
    )
    return Outlook(
        claim,
        n,
        level,
        family_size,
        spread=spread,
        source=source,
        shown=None if shown is None else Region(kind.shown(shown.low), kind.shown(shown.high)),
        chance=None if on_edge else chance(effects, region, n) if n > 1 else 0.0,
        truth=truth,
        needed_seeds=None if on_edge else _needed(effects_at, region),
        least_p=least_p(effects, region, n),
        least_seeds=least_seeds(effects, region),
    )


def _spread(kind: Kind, groups: Sequence[Group]) -> tuple[float | None, str]:
    """The root mean square of the runs' standard deviations on the scale of comparison, and where it comes from."""
    if kind.compared is None:
        return None, ""
    finite = [[value for value in values if math.isfinite(value)] for values in kind.scaled(groups)]
    known = [values for values in finite if len(values) > 1]
    if not known:
        return SPREAD, ASSUMED
    seeds = span([len(values) for values in known], str)
    return float(np.sqrt(np.mean([np.var(values, ddof=1) for values in known]))), f"{seeds} earlier seeds"


def _earlier_effects(kind: Kind, groups: Sequence[Group], level: float) -> tuple[Effects, str]:
    effects = kind.effects(groups, level)
    return (
        lambda _: effects,
        f"the truth is that of the earlier seeds ({kind.written(kind.shown(effects[0].estimate))})",
    )


def _supposed_effects(
    kind: Kind, groups: Sequence[Group], spread: float | None, source: str, level: float
) -> tuple[Effects, str]:
    finite = {group.name: [v for v in group.values.values() if math.isfinite(v)] for group in groups}
    values, truth = kind.supposed({name: kind.typical(known) for name, known in finite.items() if known})

    if spread is not None and source == ASSUMED and not any(values):
        raise CannotCompare(
            "its values average 0, and no spread can be assumed as a share of it: train two seeds of a run first"
        )

    @cache
    def built(paired: bool) -> Sequence[Effect]:
        size = MIN_PAIRS if paired else MIN_PAIRS - 1
        patterns = _patterns(size)
        supposed = []
        for index, (group, value) in enumerate(zip(groups, values, strict=True)):
            off = (spread or 0.0) * patterns[index % len(patterns)]
            unit = abs(value) if source == ASSUMED else 1.0
            own = value * np.exp(off) if kind.by_ratio else value + off * unit
            supposed.append(Group(group.name, dict(enumerate(own.tolist()))))
        return kind.effects(supposed, level)

    return lambda n: built(n >= MIN_PAIRS), truth


def _patterns(size: int) -> list[Array]:
    """size - 1 patterns (size,) with mean 0 and standard deviation 1 that do not correlate."""
    columns = np.vander(np.arange(size, dtype=np.float64), increasing=True)
    orthogonal, _ = np.linalg.qr(columns)
    return list(orthogonal.T[1:] * math.sqrt(size - 1))


def _needed(effects_at: Effects, region: Region) -> int | None:
    """The seeds of each run at which a verdict has a chance of `POWER`."""

    def suffices(n: int) -> bool:
        return chance(effects_at(n), region, n) >= POWER

    few = next((n for n in range(2, EACH_COUNT + 1) if suffices(n)), None)
    if few is not None or not suffices(MOST_SEEDS):
        return few
    return bisect_left(range(MOST_SEEDS), True, lo=EACH_COUNT + 1, key=suffices)


# -- in words ------------------------------------------------------------------------------------------------------


def cells(outlook: Outlook) -> list[str]:
    """A row of the table, in the order of `HEADINGS`."""
    if outlook.reason:
        return [outlook.claim.name, *["–"] * (len(HEADINGS) - 1)]
    if outlook.chance is None:
        likely = needed = supposed = "–"
    else:
        likely, supposed = f"{outlook.chance:.0%}", outlook.truth
        needed = "> 100 seeds" if outlook.needed_seeds is None else counted(outlook.needed_seeds, "seed")
    return [outlook.claim.name, likely, needed, _shown_words(outlook), _spread_words(outlook), supposed]


def summary(rows: Sequence[Outlook]) -> str:
    """How many of one claim or more are well planned, and by which rules."""
    seeds = counted(rows[0].n, "seed")
    likely = sum(row.decidable and (row.chance is None or row.chance >= POWER) for row in rows)
    words = f"{likely} of {counted(len(rows), 'claim')} can expect a verdict with {seeds} a run"
    families = any(row.family_size > 1 for row in rows)
    return words + (f" (in a family of k each is judged at {1 - LEVEL:.0%} / k)" if families else "")


def record(outlook: Outlook) -> dict[str, Any]:
    """The same as plain data, for `ablate plan --json`; an end that no seeds bound is None."""
    shown = outlook.shown
    return {
        "id": outlook.claim.name,
        "says": outlook.claim.says,
        "seeds": outlook.n,
        "level": outlook.level,
        "family": outlook.claim.family,
        "family_size": outlook.family_size,
        "spread": outlook.spread,
        "spread_from": outlook.source,
        "shown": None
        if shown is None
        else [end if math.isfinite(end) else None for end in (shown.low, shown.high)],
        "chance": outlook.chance,
        "truth": outlook.truth,
        "needed_seeds": outlook.needed_seeds,
        "decidable": outlook.decidable,
        "least_p": outlook.least_p,
        "least_seeds": outlook.least_seeds,
        "reason": outlook.reason,
    }


def _spread_words(outlook: Outlook) -> str:
    if outlook.spread is None:
        return "–"
    share = outlook.claim.kind.by_ratio or outlook.source == ASSUMED
    source = outlook.source.replace("earlier ", "")
    return f"{f'{100 * outlook.spread:.2g}%' if share else number(outlook.spread)} ({source})"


def _shown_words(outlook: Outlook) -> str:
    kind, shown = outlook.claim.kind, outlook.shown
    if not outlook.decidable:
        return "never (one seed)" if outlook.n == 1 else f"never (p ≥ {outlook.least_p:.2g})"
    if shown is None:
        return "never (spread)"
    if math.isnan(shown.low) or math.isnan(shown.high):
        return "ranks decide"
    low, high = (kind.written(end) if math.isfinite(end) else "" for end in (shown.low, shown.high))
    if low and high:
        return f"{low} to {high}"
    return f"≥ {low}" if low else f"≤ {high}"
