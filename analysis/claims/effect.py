"""What one of two factors does, or how far its effect depends on the other: four runs, a 2x2."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from ablations.spec import Names
from ablations.spec.layers import unknown
from ablations.spec.names import Name
from analysis.claims._base import KINDS, LEVEL, Group, RunField
from analysis.claims._directed import Difference, Directed
from analysis.claims.metrics import Metric, MetricField, parse_metric
from analysis.statistics import Effect, is_paired, two_by_two
from analysis.wording import listed

INTERACTION = "interaction"
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
        if self.of not in (known := [*self.factors, INTERACTION]):
            yield "of", unknown("factor", self.of, known)

    @property
    def compared(self) -> Metric:
        return parse_metric(self.metric)

    def weights(self, groups: int) -> Sequence[float]:  # noqa: ARG002
        half = 0.5
        contrasts = {
            self.factors[0]: (-half, -half, half, half),
            self.factors[1]: (-half, half, -half, half),
        }
        return contrasts.get(self.of, (1.0, -1.0, -1.0, 1.0))

    @property
    def effect_name(self) -> str:
        both = self.of == INTERACTION
        return f"the interaction of {listed(self.factors)}" if both else f"the effect of {self.of}"

    def effect(self, groups: Sequence[Group]) -> Effect:
        neither, second, first, both = self.scaled(groups)
        paired = is_paired(*(group.values for group in groups))
        found = two_by_two([[neither, second], [first, both]], paired=paired, level=LEVEL)
        effects = {self.factors[0]: found.first, self.factors[1]: found.second}
        return effects.get(self.of, found.interaction)
