"""The step at which a run first reaches a threshold, against another run's."""

from typing import Literal

from pydantic import model_validator

from analysis.claims._base import KINDS, RunField
from analysis.claims._directed import MarginField
from analysis.claims.compare import TwoGroups
from analysis.claims.metrics import Metric, ReachedField, along


@KINDS.register("steps")
class Steps(TwoGroups):
    """The step at which a run first reaches a threshold, against another run's."""

    run: RunField
    """The run that the statement is about."""
    against: RunField
    """The run that it is compared with."""
    metric: ReachedField
    """A measure such as `quality`, scored along the run, or a logged metric, by the median of its last 20 values."""
    below: MarginField | None = None
    """Reached once the metric is not above this: a number or, of a measure, a share such as 50% of what it is before
    the first step of `against`, the mean over seeds. It is the same for both runs."""
    above: MarginField | None = None
    """Reached once the metric is not below this."""

    @model_validator(mode="after")
    def _one_threshold(self) -> "Steps":
        if (self.below is None) == (self.above is None):
            raise ValueError("give `below` or `above`: the threshold that is to be reached")
        if isinstance(self._threshold, str) and self.metric not in along():
            raise ValueError(f"a share ({self._threshold}) is for a measure: give a number for {self.metric}")
        return self

    @property
    def compared(self) -> Metric:
        side: Literal["below", "above"] = "above" if self.below is None else "below"
        written = self._threshold
        if not isinstance(written, str):
            return Metric("reached", self.metric, threshold=written, side=side)
        share = float(written.rstrip("% ")) / 100
        return Metric("reached", self.metric, threshold=share, side=side, untrained=self.against)

    @property
    def _threshold(self) -> float | str | None:
        return self.above if self.below is None else self.below
