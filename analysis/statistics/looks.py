"""Looking more than once: at which numbers of seeds, and at which levels, so that all looks together keep the error.

To judge again after every few seeds errs far more often than to judge once. A group-sequential test spends the error of
one look on several (Pocock, "Group sequential methods in the design and analysis of clinical trials", 1977). What is
spent once a share t of all seeds is there follows Lan & DeMets, "Discrete sequential boundaries for clinical trials",
1983, for bounds of Pocock's kind:

    spent(t) = α ln(1 + (e - 1) t),    α(k) = spent(t(k)) - spent(t(k - 1))

Look k is judged at level 1 - α(k). The chances of an error at some look add up to at most Σ α(k) = α, whatever the
data. This union bound needs no joint law of the looks: it holds for t-tests, ranks and exact tests alike.
"""

import math
from collections.abc import Sequence

import numpy as np

COUNTS = (3, 5, 8, 13, 20, 32, 50, 80)
"""Seeds a run at which is looked: each about 1.6 times as many as before. Five are the fewest that are paired."""
FEWEST = COUNTS[0]
"""Two seeds decide next to nothing, and a look costs error."""


def look_counts(first: int, most: int) -> tuple[int, ...]:
    """The numbers of seeds at which is looked, from `first` (or `FEWEST`, if that is more) to `most`.

    Raises:
        ValueError: `most` is less than the first.
    """
    first = max(first, FEWEST)
    if most < first:
        raise ValueError(f"the first look is at {first} seeds, so {most} are too few")
    return (*dict.fromkeys([first, *(n for n in COUNTS if first < n < most), most]),)


def look_levels(counts: Sequence[int], level: float = 0.95) -> tuple[float, ...]:
    """The level of every look, for a claim that errs in at most 1 - level over all of them."""
    times = np.array(counts, dtype=np.float64) / counts[-1]
    spent = (1 - level) * np.log1p((math.e - 1) * times)
    return tuple((1 - np.diff(spent, prepend=0.0)).tolist())
