"""A measurement: our path and a named reference by turns, so that whatever else the machine does falls on both."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How many times as long the reference takes, from pairs of measurements."""

    case: str
    reference: str
    seconds: float
    """Median of ours."""
    reference_seconds: float
    ratio: float
    """Median over the pairs; above 1, ours is faster."""
    low: float
    """The lowest ratio of a pair."""
    high: float
    pairs: int

    def __str__(self) -> str:
        spread = f"{self.low:.2f} to {self.high:.2f} in {self.pairs} pairs"
        took = f"{_time(self.seconds)} against {_time(self.reference_seconds)} of {self.reference}"
        return f"{self.case}: {self.ratio:.2f} times as fast ({spread}); {took}"

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def of_pairs(case: str, reference: str, pairs: Sequence[tuple[float, float]]) -> Ratio:
    """The result of pairs (seconds of ours, seconds of the reference)."""
    ratios = [theirs / ours for ours, theirs in pairs]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Ratio(
        case, reference, ours, theirs, statistics.median(ratios), min(ratios), max(ratios), len(pairs)
    )


def compare(
    case: str, ours: Callable[[], object], reference: str, theirs: Callable[[], object], pairs: int
) -> Ratio:
    """Call both by turns. The caller has warmed them up."""
    return of_pairs(case, reference, [(seconds_of(ours), seconds_of(theirs)) for _ in range(pairs)])


def seconds_of(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"
