"""From an effect and a statement to a verdict: supported, refuted or undecided.

A statement says in which region the truth lies; the whole interval inside it supports, the whole interval outside
refutes, and anything else is undecided:

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
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.statistics._base import Array, Effect, Estimate

Verdict = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True)
class Region:
    """Where a statement says that the truth lies: above low and below high, not on them."""

    low: float
    high: float


@dataclass(frozen=True)
class Judgement(Estimate):
    """An effect held against a region. p is twice the one-sided p-value of what `leaning` says.

    The verdict is the leaning where p <= 1 - level, and undecided elsewhere.
    """

    verdict: Verdict
    leaning: Literal["supported", "refuted"]
    region: Region


def lower_by(margin: float) -> Region:
    """Lower by at least `margin` >= 0."""
    return Region(-math.inf, -_margin(margin))


def higher_by(margin: float) -> Region:
    """Higher by at least `margin` >= 0."""
    return Region(_margin(margin), math.inf)


def within(margin: float) -> Region:
    """The same within `margin` > 0."""
    if margin <= 0:
        raise ValueError(f"the same within {margin}: nothing can show two things to be exactly equal")
    return Region(-_margin(margin), margin)


def judge(effect: Effect, region: Region) -> Judgement:
    """The verdict on a statement, as said above."""
    below_low, above_low = _tails(effect, region.low)
    below_high, above_high = _tails(effect, region.high)
    support, refutation = max(above_low, below_high), min(below_low, above_high)
    leaning: Literal["supported", "refuted"] = "supported" if support <= refutation else "refuted"
    p = min(1.0, 2 * min(support, refutation))
    return Judgement(
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
        level=effect.level,
        n=effect.n,
        method=effect.method,
        p=p,
        verdict=leaning if p <= 1 - effect.level + 1e-12 else "undecided",
        leaning=leaning,
        region=region,
    )


def holm(p: npt.ArrayLike) -> Array:
    """Adjusted p-values (k,) of a family of k, in the order given: each to be held against the family's error rate."""
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError("p-values must be (k,), each from 0 to 1")
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def correct_family(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The same judgements with Holm's p-values: a verdict stays where its adjusted p is at most 1 - level.

    The intervals stay those of single statements.
    """
    adjusted = holm([judgement.p for judgement in judgements])
    return [
        replace(
            judgement,
            p=float(p),
            verdict=judgement.leaning if p <= 1 - judgement.level + 1e-12 else "undecided",
        )
        for judgement, p in zip(judgements, adjusted, strict=True)
    ]


def smallest_rank_p(*strata: tuple[int, int]) -> float:
    """The smallest two-sided p-value that ranks of two unpaired groups can have, in these strata of (n, m) seeds.

    At n = 3 it is 0.1: three seeds with a diverged run among them decide nothing, alone or in any family.
    """
    return min(1.0, 2 / math.prod(math.comb(n + m, n) for n, m in strata))


def _tails(effect: Effect, at: float) -> tuple[float, float]:
    """One-sided p-values for below `at` and above it; beyond infinity lies nothing, not even a diverged run."""
    if math.isinf(at):
        return (0.0, 1.0) if at > 0 else (1.0, 0.0)
    return effect.tails(at)


def _margin(margin: float) -> float:
    if not (margin >= 0 and math.isfinite(margin)):
        raise ValueError(f"a margin must be finite and not negative, got {margin}")
    return margin
