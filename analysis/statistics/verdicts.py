"""From an effect and a statement to a verdict: supported, refuted or undecided.

A statement says in which region the truth is. It is supported if the whole interval is inside, refuted if all of it is
outside, and undecided otherwise:

    lower by at least m     (-∞, -m)
    higher by at least m    (m, ∞)
    the same within m       (-m, m)

The last is two one-sided tests (Schuirmann, "A comparison of the two one-sided tests procedure and the power
approach", 1987). One interval of 95% serves all three, so each side errs in 2.5%: the customary 5% a side would
hold for normal values of like spread only, while at 2.5% unlike spreads and moderate skewness stay below 5%
(docs/statistics.md). Holm, "A simple sequentially rejective multiple test procedure", 1979, corrects a family:
p₍ᵢ₎ in order of size is multiplied by k - i + 1 and made monotone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analysis.statistics._base import Array, Effect, Region

ROUNDING = 1e-12
"""By how much a p-value may exceed its level."""


class VerdictWord(StrEnum):
    """What the data say about a statement."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    DESCRIBED = "described"
    """One seed: numbers, and no verdict."""
    NOT_RUN = "not run"
    """Jobs or a study are missing."""
    REFUSED = "refused"
    """The data are there, and comparing them makes no sense."""


@dataclass(frozen=True)
class Judgement:
    """An effect compared with a region. p is twice the one-sided p-value of what `leaning` says."""

    effect: Effect
    region: Region
    leaning: VerdictWord
    """Supported or refuted, whichever has the smaller p-value."""
    p: float
    choices: int = 1
    """The number of effects of which the one that refutes was chosen; p is corrected for it."""

    @property
    def verdict(self) -> VerdictWord:
        """The leaning where p is at most 1 - level, else undecided."""
        return self.corrected(self.p, self.effect.level)

    def corrected(self, p: float, level: float) -> VerdictWord:
        """The verdict at a level where a correction has changed p to this one."""
        return self.leaning if p <= 1 - level + ROUNDING else VerdictWord.UNDECIDED


def judge(effect: Effect, region: Region) -> Judgement:
    """The verdict on a statement, as said above."""
    return judge_each([effect], region)


def judge_each(effects: Sequence[Effect], region: Region) -> Judgement:
    """The verdict on the statement that each of several effects is in a region.

    It is supported where every effect supports it: an intersection-union test, which needs no correction (Berger,
    "Multiparameter hypothesis testing and acceptance sampling", 1982). It is refuted where one effect does, after
    Bonferroni's correction for choosing it. The judgement's effect is the one that decides: the one with the largest
    p-value for the region, or the smallest against it.
    """
    supports, refutations = zip(*(_sides(effect, region) for effect in effects), strict=True)
    support, refutation = max(supports), min(1.0, len(effects) * min(refutations))
    if support <= refutation:
        return Judgement(
            effects[supports.index(support)], region, VerdictWord.SUPPORTED, min(1.0, 2 * support)
        )
    effect = effects[refutations.index(min(refutations))]
    return Judgement(effect, region, VerdictWord.REFUTED, min(1.0, 2 * refutation), len(effects))


def holm(p: npt.ArrayLike) -> Array:
    """Adjusted p-values (k,) of a family of k, in the order given, each to be compared with the family's error rate."""
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError("p-values must be (k,), each from 0 to 1")
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _sides(effect: Effect, region: Region) -> tuple[float, float]:
    """One-sided p-values for the region and against it."""
    below_low, above_low = _tails(effect, region.low)
    below_high, above_high = _tails(effect, region.high)
    return max(above_low, below_high), min(below_low, above_high)


def _tails(effect: Effect, at: float) -> tuple[float, float]:
    """One-sided p-values for below `at` and above it; nothing is beyond infinity, not even a diverged run."""
    if math.isinf(at):
        return (0.0, 1.0) if at > 0 else (1.0, 0.0)
    return effect.tails(at)
