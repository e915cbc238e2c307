"""The steps at which a job draws grids, is scored and saves checkpoints. None of them changes the training."""

from collections.abc import Container
from dataclasses import dataclass

from ablations.spec import RunConfig


@dataclass(frozen=True)
class EvenlySpaced(Container[int]):
    """`count` steps up to `total`, evenly spaced, the last one `total`; every step if there are fewer."""

    total: int
    count: int

    def __contains__(self, step: object) -> bool:
        if not isinstance(step, int) or not 1 <= step <= self.total:
            return False
        before = step * self.count // self.total
        return any(max(1, round(self.total * i / self.count)) == step for i in (before, before + 1) if i > 0)


@dataclass(frozen=True)
class Schedule(Container[int]):
    """Steps at which a training pauses, the last one among each kind; the grids also step 0, before training.

    They are computed when asked for: listing them would take as long as the training has steps.
    """

    total_steps: int
    grids: Container[int]
    evaluations: Container[int]
    checkpoint_every: int

    @classmethod
    def of(cls, config: RunConfig, total_steps: int) -> "Schedule":
        """The schedule of a training of `total_steps` steps."""
        return cls(
            total_steps,
            grids=log_spaced(total_steps, config.samples.num_grids - 1) | {0},
            evaluations=EvenlySpaced(total_steps, config.evaluation.num_evaluations),
            checkpoint_every=config.checkpoint.every_steps,
        )

    def is_checkpoint(self, step: int) -> bool:
        """Whether the state is saved after this step."""
        return step == self.total_steps or (step > 0 and step % self.checkpoint_every == 0)

    def __contains__(self, step: object) -> bool:
        return isinstance(step, int) and (
            step in self.grids or step in self.evaluations or self.is_checkpoint(step)
        )


def log_spaced(total: int, count: int) -> frozenset[int]:
    """`count` distinct steps from 1 to `total` (all, if there are fewer), as evenly spaced in log(step) as possible.

    A GAN changes fastest in its early steps.
    """
    if total <= count:
        return frozenset(range(1, total + 1))
    steps = [1]
    for left in range(count - 1, 0, -1):  # re-space what is left, so that rounding never repeats a step
        ratio = (total / steps[-1]) ** (1 / left)
        steps.append(max(steps[-1] + 1, round(steps[-1] * ratio)))
    steps[-1] = total
    return frozenset(steps)
