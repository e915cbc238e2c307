"""How a metric changes over runs in an order fixed beforehand: from each run to the next.

The claim is about every change, so that a metric that falls far and rises once is not falling. Each change is a
difference of two runs (pairs, unequal spreads and ranks as there), and they are judged together (`judge_each`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from ablations.spec import Names
from analysis.claims._base import KINDS, Group, RunField
from analysis.claims._directed import Directed
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.statistics import Effect, difference, is_paired

FEWEST_RUNS = 3


@KINDS.register("trend")
class Trend(Directed):
    """How a metric changes from each run to the next, over runs in an order fixed beforehand: every change counts."""

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
        return "the change from a run to the next that decides"

    def pairs(self, groups: Sequence[Group]) -> Sequence[tuple[Group, Group]]:
        return [(after, before) for before, after in pairwise(groups)]

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Effect]:
        steps = pairwise(zip(groups, self.scaled(groups), strict=True))
        return [
            difference(after, before, paired=is_paired(later.values, earlier.values), level=level)
            for (earlier, before), (later, after) in steps
        ]

    def estimated(self, means: Sequence[float]) -> float:
        """The change that fits the claim least."""
        changes = [after - before for before, after in pairwise(means)]
        if self.direction == "flat":
            return max(changes, key=abs)
        return max(changes) if self.direction == "falling" else min(changes)
