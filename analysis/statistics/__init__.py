"""Statistics for verdicts: pure functions of arrays, each with its paper and formula. See docs/statistics.md."""

from analysis.statistics._base import Effect
from analysis.statistics.differences import difference, is_paired, two_by_two
from analysis.statistics.means import contrast
from analysis.statistics.outcomes import share, share_difference
from analysis.statistics.ranks import shift, trend
from analysis.statistics.ratios import ratio
from analysis.statistics.seeds import further_seeds
from analysis.statistics.verdicts import Judgement, Region, VerdictWord, holm, judge

__all__ = [
    "Effect",
    "Judgement",
    "Region",
    "VerdictWord",
    "contrast",
    "difference",
    "further_seeds",
    "holm",
    "is_paired",
    "judge",
    "ratio",
    "share",
    "share_difference",
    "shift",
    "trend",
    "two_by_two",
]
