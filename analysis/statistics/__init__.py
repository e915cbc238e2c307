"""Statistics for verdicts: pure functions of arrays, each with its paper and formula. See docs/statistics.md."""

from analysis.statistics._base import Effect, Estimate
from analysis.statistics.differences import TwoByTwo, difference, is_paired, two_by_two
from analysis.statistics.means import MeanEffect, contrast
from analysis.statistics.outcomes import Share, ShareDifference, share, share_difference
from analysis.statistics.ranks import RankEffect, paired_shift, probability_of_improvement, shift, trend
from analysis.statistics.seeds import detectable_effect, further_seeds
from analysis.statistics.verdicts import (
    Judgement,
    Region,
    Verdict,
    correct_family,
    higher_by,
    holm,
    judge,
    lower_by,
    smallest_rank_p,
    within,
)

__all__ = [
    "Effect",
    "Estimate",
    "Judgement",
    "MeanEffect",
    "RankEffect",
    "Region",
    "Share",
    "ShareDifference",
    "TwoByTwo",
    "Verdict",
    "contrast",
    "correct_family",
    "detectable_effect",
    "difference",
    "further_seeds",
    "higher_by",
    "holm",
    "is_paired",
    "judge",
    "lower_by",
    "paired_shift",
    "probability_of_improvement",
    "share",
    "share_difference",
    "shift",
    "smallest_rank_p",
    "trend",
    "two_by_two",
    "within",
]
