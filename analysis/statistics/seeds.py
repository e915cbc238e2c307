"""How many seeds: what n of them can show, and how many more an undecided statement needs.

Every effect knows with what probability n seeds a group would decide it against a value, were the truth what is
estimated (Cohen, "Statistical power analysis for the behavioral sciences", 1988).
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, nct
from scipy.stats import t as student

from analysis.statistics._base import Effect
from analysis.statistics.means import power_of_t
from analysis.statistics.verdicts import Region, judge

MOST_SEEDS = 100
"""A statement that needs more seeds a run than this is not going to be decided by seeds."""
RATIOS = 200
"""Shares of the variance, at equal steps of probability, over which Welch's power is averaged."""


def detectable_effect(n: int, *, paired: bool, level: float = 0.95, power: float = 0.8) -> float:
    """The distance from a margin that n seeds a group decide in `power` of all cases, in standard deviations.

    Of the differences within a seed where `paired`, else of the values, taken as normal and equal in both groups.

    Raises:
        ValueError: n below 2.
    """
    if n < 2:
        raise ValueError(f"{n} seed a group: one seed is described, never judged; at least 2 needed")
    reaches = _paired_power if paired else _welch_power
    return float(brentq(lambda effect: reaches(effect, n, level) - power, 0, 1e3))


def _paired_power(effect: float, n: int, level: float) -> float:
    return power_of_t(effect * math.sqrt(n), n - 1, level)


def _welch_power(effect: float, n: int, level: float) -> float:
    """The power at equal variances: the statistic is noncentral t with 2 n - 2 degrees of freedom, whatever share of
    the variance b ~ Beta((n - 1) / 2, (n - 1) / 2) falls to one group, on which the critical value depends alone."""
    share = beta.ppf((np.arange(RATIOS) + 0.5) / RATIOS, (n - 1) / 2, (n - 1) / 2)
    critical = student.ppf((1 + level) / 2, (n - 1) / (share**2 + (1 - share) ** 2))
    return float(np.nan_to_num(nct.sf(critical, 2 * n - 2, effect * math.sqrt(n / 2)), nan=1.0).mean())


def further_seeds(effect: Effect, region: Region, *, power: float = 0.8) -> int | None:
    """The seeds a group that an undecided statement needs beyond those of its smallest group, 1 or more.

    "Needs": to be decided in `power` of all cases, were the truth what is estimated, at the spread observed. None
    where 100 seeds a group would not do, as where the estimate lies on an edge of the region or is not a number.

    Raises:
        ValueError: the statement is decided already.
    """
    judgement = judge(effect, region)
    if judgement.verdict != "undecided":
        raise ValueError(f"the statement is {judgement.verdict}: no further seed is needed")
    if math.isnan(effect.estimate):
        return None
    has = min(effect.n)
    edges = [edge for edge in (region.low, region.high) if math.isfinite(edge)]
    if judgement.leaning == "refuted":
        edges = [min(edges, key=lambda edge: abs(effect.estimate - edge))]
    for n in range(has + 1, MOST_SEEDS + 1):
        # To be supported every edge must be cleared; at most, the chances of failing add up.
        if sum(1 - effect.power(edge, n) for edge in edges) <= 1 - power:
            return n - has
    return None
