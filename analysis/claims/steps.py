"""The step at which a run first reaches a threshold, against another run's."""

from pydantic import model_validator

from ablations.spec.names import Number
from analysis.claims._base import KINDS, RunField
from analysis.claims.compare import TwoGroups
from analysis.claims.metrics import Metric, ReachedField


@KINDS.register("steps")
class Steps(TwoGroups):
    """The step at which a run first reaches a threshold, against another run's."""

    run: RunField
    """The run that the statement is about."""
    against: RunField
    """The run that it is compared with."""
    metric: ReachedField
    """A measure such as `quality`, or a logged metric, smoothed by a running median."""
    below: Number | None = None
    """Reached once the metric is not above this."""
    above: Number | None = None
    """Reached once the metric is not below this."""

    @model_validator(mode="after")
    def _one_threshold(self) -> "Steps":
        if (self.below is None) == (self.above is None):
            raise ValueError("give `below` or `above`: the threshold that is to be reached")
        return self

    @property
    def compared(self) -> Metric:
        threshold = self.above if self.below is None else self.below
        return Metric("reached", self.metric, threshold, "above" if self.below is None else "below")
