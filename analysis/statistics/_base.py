"""What every effect says, and what every function of this package requires of its groups."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Groups = Sequence[npt.ArrayLike]


@dataclass(frozen=True)
class Effect(ABC):
    """A number with its two-sided interval, in the units of the values, which can be compared with any value.

    level is the interval's nominal coverage, n the seeds of each group, p the two-sided p-value against no
    effect. An end is infinite where so few seeds set no bound at this level.
    """

    estimate: float
    low: float
    high: float
    level: float
    n: tuple[int, ...]
    method: str
    p: float

    @abstractmethod
    def tails(self, at: float) -> tuple[float, float]:
        """One-sided p-values for the truth being below the finite value `at`, and above it.

        Twice the first is at most 1 - level exactly where high < at, twice the second where low > at.
        """

    @abstractmethod
    def power(self, at: float, n: int) -> float:
        """The probability that n seeds a group exclude `at` at this level, if the true effect equals the estimate."""


def checked_groups(groups: Groups) -> list[Array]:
    """Every group as float64 (n,).

    Raises:
        ValueError: a group is not (n,), has fewer than two values or a NaN, or the groups have both infinities.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    for array in arrays:
        if array.ndim != 1:
            raise ValueError(f"values of a group must be (n,), got shape {array.shape}")
        if len(array) < 2:
            raise ValueError(
                f"a group of {len(array)}: one seed is described, never judged; at least 2 needed"
            )
        if np.isnan(array).any():
            raise ValueError("NaN among the values: a diverged run is +inf (or -inf where high is good)")
    together = np.concatenate(arrays)
    if np.isposinf(together).any() and np.isneginf(together).any():
        raise ValueError("both +inf and -inf among the values: diverged runs rank last on one side only")
    return arrays


def checked_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
