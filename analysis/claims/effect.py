"""What one of two factors does, or how far its effect depends on the other: four runs, a 2x2."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from ablations.spec import Names
from ablations.spec.layers import unknown
from ablations.spec.names import Name
from analysis.claims._base import KINDS, Group, RunField
from analysis.claims._directed import Difference, Directed
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.statistics import CONTRASTS, Effect, Factor, factor_effect, is_paired
from analysis.wording import listed

Pair = Annotated[tuple[RunField, RunField], Field(strict=False)]


@KINDS.register("effect")
class FactorEffect(Directed):
    """What a factor does averaged over another one, or how far its effect depends on the other."""

    direction: Difference
    """What is said of the effect; `not-lower` and `not-higher`: at most by the margin."""
    of: str
    """One of `factors`, or `interaction`."""
    factors: Annotated[tuple[Name, Name], Field(strict=False)]
    """What the first factor and the second are called."""
    runs: Annotated[tuple[Pair, Pair], Field(strict=False)]
    """[[neither, the second alone], [the first alone, both]]."""
    metric: MetricField
    """As in `compare`."""

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        yield from super().problems(names)
        if self.of not in (known := [*self.factors, Factor.INTERACTION]):
            yield "of", unknown("factor", self.of, known)

    @property
    def compared(self) -> Metric:
        return parse_metric(self.metric)

    def estimated(self, means: Sequence[float]) -> float:
        return float(np.dot(CONTRASTS[self._part], means))

    def pairs(self, groups: Sequence[Group]) -> Sequence[tuple[Group, Group]]:
        """With the factor against without it; of an interaction, which has no value where a training diverged, none."""
        neither, second, first, both = groups
        strata = {
            Factor.FIRST: [(first, neither), (both, second)],
            Factor.SECOND: [(second, neither), (both, first)],
        }
        return strata.get(self._part, [])

    @property
    def effect_name(self) -> str:
        both = self._part is Factor.INTERACTION
        return f"the interaction of {listed(self.factors)}" if both else f"the effect of {self.of}"

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Effect]:
        paired = is_paired(*(group.values for group in groups))
        return [factor_effect(self.scaled(groups), self._part, paired=paired, level=level)]

    @property
    def _part(self) -> Factor:
        named = {self.factors[0]: Factor.FIRST, self.factors[1]: Factor.SECOND}
        return named.get(self.of, Factor.INTERACTION)
