"""Statistics for verdicts: pure functions of arrays, each with its paper and formula. See docs/statistics.md."""

from analysis.statistics._base import Effect, Region
from analysis.statistics.aggregates import Aggregate, interquartile_mean, probability_of_lower, profile
from analysis.statistics.differences import CONTRASTS, Factor, difference, factor_effect, is_paired
from analysis.statistics.means import contrast
from analysis.statistics.outcomes import excess_p, excluded_excess, share, share_difference
from analysis.statistics.ranks import shift
from analysis.statistics.ratios import ratio
from analysis.statistics.seeds import further_seeds
from analysis.statistics.spreads import spread, variance_ratio
from analysis.statistics.verdicts import Judgement, VerdictWord, holm, judge, judge_each

__all__ = [
    "CONTRASTS",
    "Aggregate",
    "Effect",
    "Excess",
    "Factor",
    "Judgement",
    "Region",
    "VerdictWord",
    "contrast",
    "difference",
    "excess_p",
    "excluded_excess",
    "factor_effect",
    "further_seeds",
    "holm",
    "interquartile_mean",
    "is_paired",
    "judge",
    "judge_each",
    "probability_of_lower",
    "profile",
    "ratio",
    "share",
    "share_difference",
    "shift",
    "spread",
    "variance_ratio",
]
