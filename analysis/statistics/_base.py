"""What every effect says, and what every function of this package requires of its groups."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Groups = Sequence[npt.ArrayLike]


@dataclass(frozen=True)
class Region:
    """Where a statement says that the truth is: above low and below high, not on them."""

    low: float
    high: float

    @property
    def edges(self) -> list[float]:
        """Its finite ends."""
        return [end for end in (self.low, self.high) if math.isfinite(end)]


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

    @abstractmethod
    def detectable(self, region: Region, n: int, power: float) -> Region | None:
        """Where in a region the truth must be for n seeds a group to show, with this power, that it is in there.

        The spread is the one observed. None where no truth suffices; NaN ends where it is not a matter of distance.
        """

    def contained(self, region: Region, n: int) -> float:
        """The probability that n seeds a group show that the truth is in a region, if it equals the estimate: at least
        this, since the chances of missing an edge add up at most."""
        return max(0.0, 1 - sum(1 - self.power(edge, n) for edge in region.edges))

    def least_p(self, at: float, n: int) -> float:  # noqa: ARG002 - for subclasses
        """The smallest p-value, doubled as everywhere, that n seeds a group can give for a truth beyond `at`."""
        return 0.0


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
