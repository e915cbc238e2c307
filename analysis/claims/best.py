"""The best setting of a study against the study's reference."""

import math
from collections.abc import Iterator, Sequence

from ablations.spec import Names
from ablations.studies.record import Confirmed
from analysis.claims._base import KINDS, Evidence, Group, StudyField
from analysis.claims.compare import TwoGroups
from analysis.claims.metrics import Metric
from fakeface.evaluation.measures import QUALITY
from fakeface.outcomes import Exit


@KINDS.register("best")
class Best(TwoGroups):
    """The best setting of a study against its reference: Fréchet distances on seeds that the search never used."""

    study: StudyField
    """The study."""

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        found = names.studies.get(self.study)
        if found is not None and found.reference is None:
            yield "study", f"the study {str(self.study)!r} has no `reference` to compare its best with"

    @property
    def compared(self) -> Metric:
        return Metric("", QUALITY)

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        study = evidence.studies[self.study]
        reference = study.reference_name or "the reference"
        return [
            _confirmed(f"{study.name}: best", study.best),
            _confirmed(f"{study.name}: {reference}", study.reference),
        ]


def _confirmed(name: str, found: Confirmed | None) -> Group:
    """The distances by seed; +inf where a training diverged."""
    if found is None:
        return Group(name, {}, {"not confirmed on fresh seeds yet": (0,)})
    values: dict[int, float] = {}
    missing: dict[str, list[int]] = {}
    for result in found.results:
        if result.exit == Exit.DIVERGED:
            values[result.seed] = math.inf
        elif result.quality is None:
            missing.setdefault(result.exit, []).append(result.seed)
        else:
            values[result.seed] = result.quality
    return Group(name, values, missing, {result.seed: result.regime for result in found.results})
