"""How many seeds: what n of them can show, and how many more an undecided statement needs.

Every effect knows with what probability n seeds a group would decide it against a value, if the true effect
equals the estimate (Cohen, "Statistical power analysis for the behavioral sciences", 1988).
"""

import math

from analysis.statistics._base import Effect
from analysis.statistics.verdicts import Region, VerdictWord, judge

POWER = 0.8
MOST_SEEDS = 100
"""A statement that needs more seeds a run than this is not going to be decided by seeds."""


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
    if math.isnan(effect.estimate):
        return None
    has = min(effect.n)
    edges = [edge for edge in (region.low, region.high) if math.isfinite(edge)]
    if judgement.leaning == VerdictWord.REFUTED:
        edges = [min(edges, key=lambda edge: abs(effect.estimate - edge))]
    for n in range(has + 1, MOST_SEEDS + 1):
        # To be supported every edge must be cleared; at most, the chances of failing add up.
        if sum(1 - effect.power(edge, n) for edge in edges) <= 1 - POWER:
            return n - has
    return None
