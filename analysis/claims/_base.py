"""What a kind of claim is: its form in `runs.yaml`, the jobs that it compares, its effect and its words.

A kind is a registered class in a file of its own. What kinds share is elsewhere: reading in `reading.py`, verdicts in
`judging.py`, sentences in `words.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self, get_args

import numpy as np
from pydantic import AfterValidator

from ablations.spec import Names, Node
from ablations.spec.names import Name
from analysis.claims.metrics import Metric
from analysis.statistics import Effect, Region, VerdictWord
from analysis.wording import listed, number, ranges
from fakeface.config import Settings
from fakeface.measures import Scale
from fakeface.outcomes import Regime
from fakeface.registry import Registry

if TYPE_CHECKING:
    from analysis.frames.jobs import Frames
    from analysis.frames.studies import StudyResult

LEVEL = 0.95
"""Coverage of the intervals of a claim that is judged once; it, or a family of them, errs in at most the rest."""


class CannotCompare(Exception):
    """The data are there and comparing them makes no sense; the message says why and what to do."""


class Unit(StrEnum):
    """What the values of a group are of."""

    SEED = "seed"
    SEARCH = "search"

    @property
    def plural(self) -> str:
        return f"{self}es" if self is Unit.SEARCH else f"{self}s"


@dataclass(frozen=True)
class Group:
    """The values of one run by seed, or of the settings that a study found by seed or by search."""

    name: str
    values: Mapping[int, float]
    """Infinite, on its metric's worse side, where the training diverged. Of an outcome: 1 where it is the one in
    question, else 0."""
    missing: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Seeds without a value, by the reason."""
    regimes: Mapping[int, Regime] = field(default_factory=dict)
    """How each training that has begun went."""
    unit: Unit = Unit.SEED

    @property
    def lacking(self) -> str:
        """Which seeds have no value, and why; empty where all have one."""
        return "; ".join(
            f"{self.unit if len(seeds) == 1 else self.unit.plural} {ranges(seeds)} {reason}"
            for reason, seeds in self.missing.items()
        )

    @property
    def by_seed(self) -> list[float]:
        """The values in order of the seeds."""
        return [value for _, value in sorted(self.values.items())]


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by."""

    frames: "Frames"
    """The jobs of all runs that the claims name."""
    studies: "Mapping[str, StudyResult]"
    """Those that were run, by name."""


@dataclass(frozen=True)
class Margin:
    """The smallest difference that matters, in the units of what is compared, or as a share of it."""

    size: float
    relative: bool


@dataclass(frozen=True)
class Decided:
    """A verdict that needs no effect, with the interval behind it."""

    word: VerdictWord
    value: float
    """The value in question."""
    low: float
    high: float
    level: float | None
    method: str
    reason: str


class LastLook(NamedTuple):
    """The last of several looks at a claim."""

    seeds: int
    """Of each run."""
    level: float


@dataclass(frozen=True)
class Objection:
    """What must be excluded before a claim is supported, and has not been."""

    p: float
    """Twice the one-sided p-value of it; above 1 - level."""
    words: str


class Chart(StrEnum):
    """How the figure of a claim is drawn."""

    VALUES = "values"
    """A dot for each seed on the metric's axis, and the effect below."""
    OUTCOMES = "outcomes"
    """A dot for each seed, filled where the outcome is the one in question, and the effect below."""
    WINDOW = "window"
    """The window of a study, and the value in question."""


class RunName(str):
    """The name of a run in a form."""


class StudyName(str):
    """The name of a study in a form."""


RunField = Annotated[Name, AfterValidator(RunName)]
"""A field that names a run of the specification."""
StudyField = Annotated[Name, AfterValidator(StudyName)]
"""A field that names a study of the specification."""


class Kind(Settings):
    """A kind of claim. Its fields are its form in `runs.yaml`; those that name runs or studies are `RunField` and
    `StudyField`, by which they are found and checked.

    A kind that is judged by effects defines `groups`, `effects`, `point`, `region` and `sentence`; any other kind
    defines `decided`. Values are compared on a scale that may differ from the one shown: a relative margin compares
    logarithms.
    """

    chart: ClassVar[Chart] = Chart.VALUES
    in_families: ClassVar[bool] = True
    """Whether it has a p-value, by which a family can be corrected."""
    in_units: ClassVar[str] = "give the margin in the units of {}"
    """What to do where a value is not positive; "{}" is the metric."""

    @property
    def named_runs(self) -> tuple[str, ...]:
        """The runs that it names, each once."""
        return tuple(dict.fromkeys(value for value in self._values() if isinstance(value, RunName)))

    @property
    def named_study(self) -> str | None:
        """The study that it names."""
        return next((value for value in self._values() if isinstance(value, StudyName)), None)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The runs and the study to whose report it belongs: any of them."""
        return (*self.named_runs, *((self.named_study,) if self.named_study else ()))

    @property
    def compared(self) -> Metric | None:
        """The metric of its values; None where they are outcomes or a study's."""
        return None

    @property
    def margin(self) -> Margin:
        """The smallest difference that matters; 0 for a kind without one."""
        return Margin(0.0, relative=False)

    def problems(self, names: Names) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """What cannot be judged as written: the key that it is about ("" for the whole), and why."""
        seen: set[str] = set()
        for key in type(self).model_fields:
            for name in (value for value in _flat(getattr(self, key)) if isinstance(value, RunName)):
                if name in seen:
                    yield key, f"the run {str(name)!r} is named twice"
                seen.add(name)

    @classmethod
    def nodes(cls, written: Node, name: type[str]) -> Iterator[Node]:
        """Where a form, sound or not, names a `RunName` or a `StudyName`."""
        for key, field_ in cls.model_fields.items():
            if _mentions((field_.annotation, *field_.metadata), name):
                yield from _leaves(written.get(key))

    def about(self, names: Mapping[str, str]) -> Self:
        """The same kind of statement with other names for its runs, such as those of their variants."""
        changed = {key: _renamed(getattr(self, key), names) for key in type(self).model_fields}
        return self.model_copy(update=changed)

    # -- judging

    def decided(self, evidence: Evidence) -> Decided | None:  # noqa: ARG002
        """The verdict of a kind that is not judged by an effect; None: it is."""
        return None

    def groups(self, evidence: Evidence) -> Sequence[Group]:
        """The groups of values that it compares.

        Raises:
            CannotCompare: they are of several protocols, say.
        """
        raise NotImplementedError

    @property
    def by_ratio(self) -> bool:
        """Whether it compares logarithms, so that means are geometric."""
        return self.margin.relative

    def scaled(self, groups: Sequence[Group]) -> list[list[float]]:
        """The values by seed on the scale of comparison. Raises CannotCompare where it is not theirs."""
        finite = {g.name: [value for value in g.by_seed if math.isfinite(value)] for g in groups}
        if self.by_ratio:
            for name, values in finite.items():
                if min(values, default=1.0) <= 0:
                    spreads = self.compared is not None and self.compared.scale is Scale.LOG
                    remedy = "claim its outcome" if spreads else self.in_units.format(self.compared)
                    raise CannotCompare(
                        f"`{name}` has a value of {min(values):g}, of which no share can be taken: {remedy}"
                    )
            return [[math.log(v) if math.isfinite(v) else v for v in group.by_seed] for group in groups]
        known = [value for values in finite.values() for value in values]
        if self.compared is not None and self.compared.scale is Scale.SIGNED and min(known, default=0.0) > 0:
            raise CannotCompare(
                f"all values of {self.compared} are positive, so that they spread by factors and runs are compared by "
                f"their ratio: give the margin as a share such as {'10%' if self.margin.size else '0%'}"
            )
        return [group.by_seed for group in groups]

    def effects(self, groups: Sequence[Group], level: float) -> Sequence[Effect]:
        """The effects that must all be in the region, on the scale of comparison, with intervals of this level.

        Args:
            groups: of two seeds or more.

        Raises:
            CannotCompare: there is no effect in these values.
        """
        raise NotImplementedError

    def objection(self, groups: Sequence[Group], level: float, last: LastLook | None) -> Objection | None:  # noqa: ARG002
        """Why values that support it are not enough at this level; None: they are.

        Args:
            last: of several looks, this one or a later one; None: this is the only look.
        """
        return None

    def supposed(self, known: Mapping[str, float]) -> tuple[Sequence[float], str]:  # noqa: ARG002
        """A value for each of its groups, for a plan, and what is supposed by them: "nothing differs".

        Args:
            known: the typical value of each run that has any.

        Raises:
            CannotCompare: nothing can be supposed.
        """
        raise CannotCompare("this kind of claim says what seeds can show once every run has two")

    def point(self, groups: Sequence[Group]) -> float | None:
        """The estimate alone, as it is shown, where a group has one seed; None where there is none."""
        raise NotImplementedError

    @property
    def region(self) -> Region:
        """Where it says that the truth is, on the scale of comparison."""
        raise NotImplementedError

    def shown(self, value: float) -> float:
        """A value of the scale of comparison, as it is shown."""
        return value

    # -- words and axes

    def sentence(self, groups: Sequence[Group]) -> str:
        """What was measured: "The converged Loss_D is 0.316 for `a` and 0.280 for `b` (means of 5 seeds)"."""
        assert self.compared is not None
        words = self.compared.words
        typical = listed(f"{self._typical(group)} for `{group.name}`" for group in groups)
        sizes = listed(dict.fromkeys(str(len(group.values)) for group in groups))
        mean = "geometric means" if self.by_ratio else "means"
        unit = groups[0].unit
        count = f"one {unit}" if sizes == "1" else f"{mean} of {sizes} {unit.plural}"
        return f"{words[0].upper()}{words[1:]} is {typical} ({count})"

    def caveat(self, groups: Sequence[Group]) -> str:  # noqa: ARG002
        """What the interval does not cover, as a sentence; empty for nothing."""
        return ""

    @property
    def why_unbounded(self) -> str:
        """Why an interval has no bound at all, in a sentence; empty where that needs no words."""
        return ""

    @property
    def effect_name(self) -> str:
        """What the estimate is, in a sentence."""
        return "the difference"

    def written(self, value: float) -> str:
        """A value of the effect in a sentence, whether it is finite or not."""
        if math.isnan(value):
            return "unknown"
        if math.isinf(value):
            return "+∞" if value > 0 else "−∞"
        return self.amount(value)

    def amount(self, value: float) -> str:
        """A finite value of the effect, in a sentence."""
        return number(value)

    def edge(self, value: float) -> str:
        """An end of the region that is claimed, with all of its digits."""
        return self.written(value)

    def tick(self, value: float) -> str | None:  # noqa: ARG002
        """The same on an axis; None: a plain number."""
        return None

    def typical(self, values: Sequence[float]) -> float:
        """The mean by which it compares."""
        return float(np.exp(np.mean(np.log(values)))) if self.by_ratio else float(np.mean(values))

    def axis(self, quality: str) -> str:
        """The name of the axis of values; `quality` names the Fréchet distance with its N."""
        return self.compared.axis(quality) if self.compared else quality

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which values the effect can be at all."""
        return -math.inf, math.inf

    def _typical(self, group: Group) -> str:
        """The mean of a group; trainings that diverged or never got there are counted apart."""
        finite = [value for value in group.values.values() if math.isfinite(value)]
        lost = len(group.values) - len(finite)
        written = self.compared.written if self.compared else number
        if not finite:
            what = "reached" if self.compared and self.compared.summary == "reached" else "finite"
            return f"not {what} ({lost} of {len(group.values)})"
        mean = written(self.typical(finite))
        return f"{mean} with {lost} of {len(group.values)} ranked last" if lost else mean

    def _values(self) -> Iterator[Any]:
        for key in type(self).model_fields:
            yield from _flat(getattr(self, key))


KINDS: Registry[type[Kind]] = Registry("kind of claim")


@dataclass(frozen=True)
class Claim:
    """A statement of the specification."""

    name: str
    says: str
    source: str
    family: str | None
    kind: Kind = field(repr=False)

    def about(self, names: Mapping[str, str]) -> "Claim":
        """The same claim with other names for its runs."""
        return replace(self, kind=self.kind.about(names))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_renamed(item, names) for item in value)
    return RunName(names.get(value, value)) if isinstance(value, RunName) else value


def _mentions(annotation: Any, name: type[str]) -> bool:
    """Whether a type, or what is annotated to it, is the name of a run or of a study."""
    if isinstance(annotation, AfterValidator):
        return annotation.func is name
    inner = annotation if isinstance(annotation, tuple) else (*get_args(annotation),)
    return any(_mentions(one, name) for one in inner)


def _leaves(node: Node) -> Iterator[Node]:
    if node.value is not None and not node.items():
        yield node
    for item in node.items():
        yield from _leaves(item)
