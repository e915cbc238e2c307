"""What a training's losses mean, as its journal declares it: readers need neither torch nor the loss's own module."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Declaration:
    """An objective and the meaning of its values. By default that of journals that declare none."""

    loss: str = "non-saturating"
    """Registered name."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """All options of the loss, defaults included."""
    penalty: str = "none"
    """Registered name."""
    penalty_options: Mapping[str, Any] = field(default_factory=dict)
    """All options of the penalty, defaults included."""
    unit: str = "nats"
    """Of Loss_D and Loss_G; empty where they have none."""
    boundary: float | None = 0.0
    """The output of D above which it calls an image real; None: the middle between the mean outputs."""
    won_below: float | None = 0.05
    """Loss_D, without penalties, below which D has won; None: that cannot be read off this loss."""
    probability: bool = True
    """Whether D(x) and D(G(z)) are probabilities, and not outputs of D as they are."""

    def record(self) -> dict[str, Any]:
        """The field `objective` of a `job` record."""
        return asdict(self)

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> "Declaration":
        """What a `job` record declares."""
        return cls(**job.get("objective", {}))
