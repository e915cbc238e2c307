"""What a training's losses mean, as its journal declares it: readers need neither torch nor the loss's own module."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

WON_BELOW = 0.05
"""Loss_D of the non-saturating loss below which D is right about nearly every image with confidence (D(x) > 0.97 >
0.03 > D(G(z))). A balanced training of a DCGAN at 32x32 has 0.2 to 1.4; a won one falls below 0.001."""


@dataclass(frozen=True)
class Declaration:
    """An objective and the meaning of its values. By default that of journals that declare none."""

    loss: str = "non-saturating"
    """Registered name."""
    options: Mapping[str, Any] = field(default_factory=lambda: {"smoothing": 0.0})
    """All options of the loss, defaults included."""
    penalty: str = "none"
    """Registered name."""
    penalty_options: Mapping[str, Any] = field(default_factory=dict)
    """All options of the penalty, defaults included."""
    unit: str = "nats"
    """Of Loss_D and Loss_G; empty where they have none."""
    boundary: float | None = 0.0
    """The output of D above which it calls an image real; None: the middle between the mean outputs."""
    won_below: float | None = WON_BELOW
    """Loss_D, without penalties, below which D has won; None: that cannot be read off this loss."""
    probability: bool = True
    """Whether D(x) and D(G(z)) are probabilities, and not outputs of D as they are."""

    def record(self) -> dict[str, Any]:
        """The field `objective` of a `job` record."""
        return asdict(self)

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> "Declaration":
        """What a `job` record declares; what it does not, or not in a form that this version knows, is the default."""
        written = job.get("objective")
        entries = written.items() if isinstance(written, dict) else ()
        return cls(**{name: value for name, value in entries if isinstance(value, _TYPES.get(name, ()))})

    @property
    def objective(self) -> tuple[str, ...]:
        """What must be equal for two losses to compare: loss and penalty, with all their options."""
        return tuple(words for words in (_named(self.loss, self.options), self._penalty) if words)

    @property
    def words(self) -> str:
        """The objective in words: `wasserstein (clip 0.01) + r1 (gamma 10.0)`."""
        return " + ".join(self.objective)

    @property
    def _penalty(self) -> str:
        return "" if self.penalty == "none" else _named(self.penalty, self.penalty_options)

    def with_unit(self, name: str) -> str:
        """`Loss_D (nats)`, or the name alone where losses have no unit."""
        return f"{name} ({self.unit})" if self.unit else name


UNDECLARED = Declaration()
"""The objective of journals that declare none."""
_TYPES: Mapping[str, Any] = {
    "loss": str, "options": dict, "penalty": str, "penalty_options": dict, "unit": str,
    "boundary": int | float | None, "won_below": int | float | None, "probability": bool,
}  # fmt: skip


def _named(name: str, options: Mapping[str, Any]) -> str:
    """`wasserstein (clip 0.01)`, without the options that are off."""
    words = ", ".join(f"{option} {value}" for option, value in sorted(options.items()) if value)
    return f"{name} ({words})" if words else name
