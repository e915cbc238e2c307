"""The best setting of a study against the study's reference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import geometric_mean

from ablations.spec import Names
from ablations.spec.studies import search_name
from ablations.studies.record import Confirmed
from analysis.claims._base import KINDS, Evidence, Group, StudyField, Unit
from analysis.claims.compare import TwoGroups
from analysis.claims.metrics import Metric
from fakeface.evaluation.measures import QUALITY
from fakeface.outcomes import Exit


@KINDS.register("best")
class Best(TwoGroups):
    """The best setting of a study against its reference: Fréchet distances on seeds that the search never used.

    Of one search the values are those of the seeds. Of several independent searches each gives one value, the geometric
    mean of its seeds, so that what a search happens to find is in the spread."""

    study: StudyField
    """The study."""

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:
        yield from super().problems(names)
        found = names.studies.get(self.study)
        if found is not None and found.reference is None:
            yield "study", f"the study {str(self.study)!r} has no `reference` to compare its best with"

    @property
    def compared(self) -> Metric:
        return Metric("", QUALITY)

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        study = evidence.studies[self.study]
        names = [f"{study.name}: best", f"{study.name}: {study.reference_name or 'the reference'}"]
        named = [evidence.studies.get(search_name(self.study, search)) for search in range(study.searches)]
        searches = [one if one is not None and one.repeats(study) else None for one in named]
        bests = [None if one is None else one.best for one in searches]
        references = [None if one is None else one.reference for one in searches]
        if study.searches == 1:
            return [_by_seed(names[0], bests[0]), _by_seed(names[1], references[0])]
        return [_by_search(names[0], bests), _by_search(names[1], references)]

    def caveat(self, groups: Sequence[Group]) -> str:
        if groups[0].unit is Unit.SEARCH:
            return ""
        return "One search was made: the interval covers seeds, not searches."


def _by_seed(name: str, found: Confirmed | None) -> Group:
    if found is None:
        return Group(name, {}, {"not confirmed on fresh seeds yet": (0,)})
    values, missing = _values(found)
    return Group(name, values, missing, {result.seed: result.regime for result in found.results})


def _by_search(name: str, searches: Sequence[Confirmed | None]) -> Group:
    """One value a search, where all of its seeds have one; +inf where one of them diverged."""
    values: dict[int, float] = {}
    missing = []
    for search, found in enumerate(searches, start=1):
        known, lacking = ({}, {}) if found is None else _values(found)
        if found is None or lacking or len(known) < found.planned:
            missing.append(search)
        elif math.inf in known.values():
            values[search] = math.inf
        else:
            values[search] = geometric_mean(known.values())
    reasons = {"not confirmed on fresh seeds yet": missing} if missing else {}
    return Group(name, values, reasons, unit=Unit.SEARCH)


def _values(found: Confirmed) -> tuple[Mapping[int, float], Mapping[str, Sequence[int]]]:
    """The distances by seed, +inf where a training diverged; and the seeds without one, by how they ended."""
    values: dict[int, float] = {}
    missing: dict[str, list[int]] = {}
    for result in found.results:
        if result.exit == Exit.DIVERGED:
            values[result.seed] = math.inf
        elif result.quality is None:
            missing.setdefault(result.exit, []).append(result.seed)
        else:
            values[result.seed] = result.quality
    return values, missing
