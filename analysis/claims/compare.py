"""A run against another one, on a metric."""

from collections.abc import Sequence

from analysis.claims._base import KINDS, Group, RunField
from analysis.claims._directed import Difference, Directed
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.statistics import Effect, difference, is_paired


class TwoGroups(Directed):
    """A claim on the difference of two groups."""

    direction: Difference
    """Where the first is, compared with the second; `not-lower` and `not-higher`: at most by the margin."""

    def estimated(self, means: Sequence[float]) -> float:
        return means[0] - means[1]

    def pairs(self, groups: Sequence[Group]) -> Sequence[tuple[Group, Group]]:
        return [(groups[0], groups[1])]

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Effect]:
        first, second = self.scaled(groups)
        return [difference(first, second, paired=is_paired(*(group.values for group in groups)), level=level)]


@KINDS.register("compare")
class Compare(TwoGroups):
    """A run against another one, on a metric."""

    run: RunField
    """The run that the statement is about."""
    against: RunField
    """The run that it is compared with."""
    metric: MetricField
    """A measure at the end such as `quality` or `recall`; one along the run: `best quality` or `area quality`, the mean
    over log steps; a logged metric: `Loss_D at 50`, or `converged`, `oscillation`, `final` or `median Loss_D`. `best
    quality at 100` is what is known by that step."""

    @property
    def compared(self) -> Metric:
        return parse_metric(self.metric)
