"""The objective of a training: its loss and its penalty, as its settings name them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from fakeface.config import TrainingConfig
from fakeface.declaration import Declaration
from fakeface.gan.batches import GanBatch
from fakeface.gan.losses import LOSSES, GanLoss, build_loss
from fakeface.gan.penalties import PENALTIES


@dataclass(frozen=True)
class Objective:
    """What both networks minimise."""

    loss: GanLoss
    penalty: Callable[[GanBatch], Tensor | None]

    @classmethod
    def of(cls, config: TrainingConfig) -> "Objective":
        """Raises UserError if a component is unknown or refuses its options."""
        name, options = config.penalty.name, config.penalty.options
        return cls(build_loss(config.loss), partial(PENALTIES[name], **PENALTIES.arguments(name, options)))

    def penalties(self, batch: GanBatch) -> Iterator[Tensor]:
        """The scalars that D minimises beside its loss."""
        found = self.loss.penalty(batch), self.penalty(batch)
        yield from (penalty for penalty in found if penalty is not None)


def declaration(config: TrainingConfig) -> Declaration:
    """What the journal says of the objective."""
    loss = build_loss(config.loss)
    return Declaration(
        loss=config.loss.name,
        options=LOSSES.arguments(config.loss.name, config.loss.options),
        penalty=config.penalty.name,
        penalty_options=PENALTIES.arguments(config.penalty.name, config.penalty.options),
        unit=loss.unit,
        boundary=loss.boundary,
        won_below=loss.won_below,
        probability=type(loss).probability is not GanLoss.probability,
    )
