"""The two kinds of scores, at the end of a training and along it: at which steps, and of how many samples.

Imports no torch.
"""

from enum import StrEnum
from itertools import count, takewhile

from fakeface.config import EvaluationConfig

_DECADE = (10, 16, 25, 40, 63)
"""Renard's preferred numbers R5 (ISO 3): factors of about 10^(1/5) with readable values."""
_LEAST = 500
_PER_FEATURE = 1.25
"""More samples than features, so that their covariance has full rank."""


class ScoreKind(StrEnum):
    """When a score is taken. The values are the kinds of the journal's records."""

    FINAL = "evaluation"
    """At the end of a training: every measure, of `num_samples` samples."""
    CURVE = "curve"
    """Along the run: the measures of `every_score`, of `curve_samples` samples."""

    def steps(self, total: int) -> list[int]:
        """The steps after which a training of `total` steps is scored, ascending."""
        return [total] if self is ScoreKind.FINAL else curve_steps(total)


def curve_steps(total: int) -> list[int]:
    """0, 10, 16, 25, 40, 63, 100, 160, ..., `total`.

    Apart from the last one they do not depend on the length of the training, so that runs of different lengths share
    them.
    """
    spaced = (number * 10**power for power in count() for number in _DECADE)
    return [0, *takewhile(lambda step: step < total, spaced), total]


def curve_samples(config: EvaluationConfig, dimension: int) -> int:
    """Samples behind each score along a run with an extractor of `dimension` features; 0: no such scores."""
    if config.curve_samples is not None:
        return min(config.curve_samples, config.num_samples)
    return min(max(_LEAST, round(_PER_FEATURE * dimension)), config.num_samples)
