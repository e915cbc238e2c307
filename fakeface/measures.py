"""What a number is: its name, which side is better, its unit, and how its error is known. Imports no torch.

Tables, figures, claims and MLflow read these records; none of them spells a metric's name.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Better(StrEnum):
    """Which side is better. A diverged training ranks last on it."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Scale(StrEnum):
    """On which scale values spread alike."""

    LINEAR = "linear"
    """In units: between bounds, as a share is."""
    LOG = "log"
    """By factors: always positive, so that two values are compared by their ratio."""
    SIGNED = "signed"
    """By factors while all values are positive, and in units once one is not: a loss, a kernel distance."""


class Error(StrEnum):
    """How the error of one value is known."""

    NONE = "none"
    STANDARD = "standard error"
    INTERVAL = "95% interval"


@dataclass(frozen=True)
class Measure:
    """One number of a training."""

    name: str
    """As it is journaled: `Loss_D`, `fid`."""
    heading: str
    """Of its column or axis."""
    better: Better
    unit: str = ""
    error: Error = Error.NONE
    claimable: bool = True
    """Whether a claim may compare it."""
    scale: Scale = Scale.LINEAR
    """What margin a claim has: a share such as 10% where values spread by factors, or a number."""

    @property
    def low(self) -> str:
        """Name of the lower end of its 95% interval."""
        return f"{self.name}_low"

    @property
    def high(self) -> str:
        """Name of the upper end."""
        return f"{self.name}_high"

    @property
    def standard_error(self) -> str:
        """Name of its standard error."""
        return f"{self.name}_se"


class Estimate(NamedTuple):
    """A value with its sampling error, where that is known."""

    value: float
    error: float | None = None
    """Standard error."""
    low: float | None = None
    """Lower end of the 95% interval."""
    high: float | None = None
