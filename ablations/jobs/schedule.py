"""The steps at which a job draws grids, is scored and saves checkpoints. None of them changes the training."""

from dataclasses import dataclass

from ablations.spec import RunConfig


@dataclass(frozen=True)
class Schedule:
    """Steps, each set including the last one; the grids also step 0, before training."""

    grids: frozenset[int]
    evaluations: frozenset[int]
    checkpoints: frozenset[int]

    @classmethod
    def of(cls, config: RunConfig, total_steps: int) -> "Schedule":
        """The schedule of a training of `total_steps` steps."""
        every = config.checkpoint.every_steps
        return cls(
            grids=log_spaced(total_steps, config.samples.num_grids - 1) | {0},
            evaluations=evenly_spaced(total_steps, config.evaluation.num_evaluations),
            checkpoints=frozenset([*range(every, total_steps, every), total_steps]),
        )

    @property
    def pauses(self) -> frozenset[int]:
        return self.grids | self.evaluations | self.checkpoints


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


def evenly_spaced(total: int, count: int) -> frozenset[int]:
    """`count` steps up to `total`, evenly spaced, the last one `total`."""
    return frozenset(max(1, round(total * (i + 1) / count)) for i in range(count))
