"""Two groups of seeds compared, and the 2x2 of two factors, under rules stated before any value is seen.

1. *Pairing.* Groups are paired by seed where they have the same seeds and at least five of them. Pairing halves
   the degrees of freedom: at n = 3 the interval is narrower only where seeds correlate above 0.58 (at n = 2, 0.89),
   at n = 5 above 0.31, at n = 10 above 0.14. Unpaired, positive correlation makes intervals too wide, never false.
2. *Means or ranks.* Means by Student's t. Where a run diverged (an infinite value) or no value has any spread,
   there is no mean or no scale, and ranks decide, unpaired: `method` says so. Ranks need at least four seeds a
   group (three in each of two strata) to decide anything at 95%.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analysis.statistics._base import Array, Effect, Groups, checked_groups
from analysis.statistics.means import contrast
from analysis.statistics.ranks import RankEffect, shift

MIN_PAIRS = 5
"""Fewer pairs lose more in degrees of freedom than the seeds of a GAN are known to correlate."""


def is_paired(*seeds: Iterable[int]) -> bool:
    """Whether groups with these seeds are to be paired: the same seeds everywhere, five or more."""
    sets = [frozenset(group) for group in seeds]
    return len(set(sets)) == 1 and len(sets[0]) >= MIN_PAIRS


def difference(a: npt.ArrayLike, b: npt.ArrayLike, *, paired: bool, level: float = 0.95) -> Effect:
    """By how much a (n,) is above b (m,): means where they exist, else ranks (see above).

    `paired` comes from `is_paired`, and position i is then the same seed in both.

    Raises:
        ValueError: paired groups of unequal size; see `checked_groups`.
    """
    groups = checked_groups([a, b])
    return _by_means(groups, (1, -1), paired, level) or _by_ranks([(groups[0], groups[1])], level)


class Factor(StrEnum):
    """An effect of two factors A and B: of each averaged over the other, or how far one depends on the other."""

    FIRST = "first"
    SECOND = "second"
    INTERACTION = "interaction"
    """(effect of A with B) - (effect of A without B), the same with A and B exchanged."""


CONTRASTS: Mapping[Factor, tuple[float, float, float, float]] = {
    Factor.FIRST: (-0.5, -0.5, 0.5, 0.5),
    Factor.SECOND: (-0.5, 0.5, -0.5, 0.5),
    Factor.INTERACTION: (1.0, -1.0, -1.0, 1.0),
}
"""Of the cells y₀₀, y₀₁, y₁₀ and y₁₁: A = (y₁₁ + y₁₀ - y₀₁ - y₀₀) / 2, say."""


def factor_effect(cells: Groups, of: Factor, *, paired: bool, level: float = 0.95) -> Effect:
    """A main effect or the interaction of two factors (Fisher, "The design of experiments", 1935).

    cells (n,) are the values with neither factor, with the second alone, with the first alone, and with both.

    Where ranks decide, a main effect is the shift common to both strata of the other factor; an interaction is
    not a matter of order, so it is NaN within infinite bounds.

    Raises:
        ValueError: not four cells, paired cells of unequal size; see `checked_groups`.
    """
    neither, second, first, both = groups = checked_groups(cells)
    if (found := _by_means(groups, CONTRASTS[of], paired, level)) is not None:
        return found
    if of is Factor.INTERACTION:
        return _unknown(groups, level)
    alone, other = (first, second) if of is Factor.FIRST else (second, first)
    return _by_ranks([(alone, neither), (both, other)], level)


def _by_means(groups: Groups, weights: Sequence[float], paired: bool, level: float) -> Effect | None:
    """The contrast by t, or None. Pairs whose contrasts are all alike have no spread, while the groups may."""
    if any(np.isinf(group).any() for group in groups):
        return None
    found = contrast(groups, weights, paired=paired, level=level)
    return found or (contrast(groups, weights, paired=False, level=level) if paired else None)


def _by_ranks(strata: list[tuple[Array, Array]], level: float) -> RankEffect:
    found = shift(strata, level=level)
    return replace(found, method=f"{found.method} ({_reason([g for pair in strata for g in pair])})")


def _unknown(groups: list[Array], level: float) -> RankEffect:
    """No comparison at all, hence no bound at any level."""
    return RankEffect(
        estimate=math.nan,
        low=-math.inf,
        high=math.inf,
        level=level,
        n=tuple(len(group) for group in groups),
        method=f"none: ranks have no interaction ({_reason(groups)})",
        p=1.0,
        comparisons=np.zeros(0),
        null=np.array([0.5, 0.5]),
    )


def _reason(groups: Iterable[Array]) -> str:
    count = sum(int(np.isinf(group).sum()) for group in groups)
    if not count:
        return "values without spread"
    return f"{count} trainings rank last" if count > 1 else "1 training ranks last"
