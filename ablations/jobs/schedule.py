"""The steps at which a job draws grids, is scored and saves checkpoints. None of them changes the training."""

from collections.abc import Container
from dataclasses import dataclass

from ablations.jobs.plan import Job


@dataclass(frozen=True)
class Schedule(Container[int]):
    """Steps at which a training pauses, the last one among each kind; grids and scores also step 0, before training.

    The checkpoints' are computed when asked for: listing them would take as long as the training has steps.
    """

    total_steps: int
    grids: Container[int]
    scores: Container[int]
    checkpoint_every: int

    @classmethod
    def of(cls, job: Job, total_steps: int) -> "Schedule":
        """The schedule of a job that has `total_steps` steps."""
        return cls(
            total_steps,
            grids=log_spaced(total_steps, job.config.samples.num_grids - 1) | {0},
            scores={step for kind in job.protocols for step in kind.steps(total_steps)},
            checkpoint_every=job.config.checkpoint.every_steps,
        )

    def is_checkpoint(self, step: int) -> bool:
        """Whether the state is saved after this step."""
        return step == self.total_steps or (step > 0 and step % self.checkpoint_every == 0)

    def __contains__(self, step: object) -> bool:
        return isinstance(step, int) and (
            step in self.grids or step in self.scores or self.is_checkpoint(step)
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
