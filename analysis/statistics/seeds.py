"""How many seeds: what n of them can show, and how many more an undecided statement needs.

Every effect knows with what probability n seeds a group would decide it against a value, if the true effect
equals the estimate (Cohen, "Statistical power analysis for the behavioral sciences", 1988).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from analysis.statistics._base import Effect, Region
from analysis.statistics.verdicts import VerdictWord, judge

POWER = 0.8
MOST_SEEDS = 100
"""A statement that needs more seeds a run than this is not going to be decided by seeds."""


def chance(effects: Sequence[Effect], region: Region, n: int) -> float:
    """The probability that n seeds a group decide that all effects are in a region, or that one is outside, at their
    level, if the true effects equal the estimates: a lower bound where several values must be excluded.

    0 where an estimate is NaN.
    """
    if any(math.isnan(effect.estimate) for effect in effects):
        return 0.0
    outside = [effect for effect in effects if not region.low < effect.estimate < region.high]
    if outside:
        # Of several one is enough, after Bonferroni's correction for choosing it.
        level = 1 - (1 - effects[0].level) / len(effects)
        return max(_refuted(replace(effect, level=level), region, n) for effect in outside)
    return max(0.0, 1 - sum(1 - effect.contained(region, n) for effect in effects))


def detectable(effects: Sequence[Effect], region: Region, n: int) -> Region | None:
    """Where in a region the true effects must be for n seeds a group to show that they are in it.

    "Show": in `POWER` of all cases at least. See `Effect.detectable`.
    """
    power = 1 - (1 - POWER) / len(effects)
    found = [shown for effect in effects if (shown := effect.detectable(region, n, power))]
    if len(found) < len(effects):
        return None
    return Region(max(one.low for one in found), min(one.high for one in found))


def least_seeds(effects: Sequence[Effect], region: Region) -> int | None:
    """The fewest seeds a group that can show at all that the effects are in a region; None: 100 cannot."""
    counts = range(2, MOST_SEEDS + 1)
    return next((n for n in counts if least_p(effects, region, n) <= 1 - effects[0].level), None)


def least_p(effects: Sequence[Effect], region: Region, n: int) -> float:
    """The smallest p-value that n seeds a group can give for a region."""
    return max(effect.least_p(edge, n) for effect in effects for edge in region.edges)


def further_seeds(effect: Effect, region: Region) -> int | None:
    """The seeds a group that an undecided statement needs beyond those of its smallest group, 1 or more.

    "Needs": to be decided in `POWER` of all cases, if the true effect equals the estimate, at the spread observed. None
    if 100 seeds a group would not suffice, as where the estimate is on an edge of the region or NaN.

    Raises:
        ValueError: the statement is decided already.
    """
    judgement = judge(effect, region)
    if judgement.verdict != VerdictWord.UNDECIDED:
        raise ValueError(f"the statement is {judgement.verdict}: no further seed is needed")
    has = min(effect.n)
    counts = range(has + 1, MOST_SEEDS + 1)
    return next((n - has for n in counts if chance([effect], region, n) >= POWER), None)


def _refuted(effect: Effect, region: Region, n: int) -> float:
    """The chance of a refutation: the nearest edge must be excluded."""
    return effect.power(min(region.edges, key=lambda edge: abs(effect.estimate - edge)), n)
