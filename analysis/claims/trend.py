"""How a metric changes over runs in an order fixed beforehand."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ablations.spec import Names
from analysis.claims._base import KINDS, LEVEL, Group, RunField
from analysis.claims._directed import Directed
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.statistics import Effect, trend

FEWEST_RUNS = 3


@KINDS.register("trend")
class Trend(Directed):
    """How a metric changes from each run to the next, over runs in an order fixed beforehand."""

    direction: Literal["falling", "rising", "flat"]
    """From the first run to the last; the margin is the smallest change from a run to the next that matters."""
    runs: Annotated[tuple[RunField, ...], Field(strict=False)]
    """Three or more."""
    metric: MetricField
    """As in `compare`."""

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        yield from super().problems(names)
        if len(self.runs) < FEWEST_RUNS:
            yield "runs", "a trend needs three runs or more; two are a `compare`"

    @property
    def compared(self) -> Metric:
        return parse_metric(self.metric)

    @property
    def effect_name(self) -> str:
        return "the change from a run to the next"

    def weights(self, groups: int) -> Sequence[float]:
        step = 1 / (groups - 1)
        return [-step, *[0.0] * (groups - 2), step]

    def effect(self, groups: Sequence[Group]) -> Effect:
        return trend(self.scaled(groups), level=LEVEL)
