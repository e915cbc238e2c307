"""The shape of a claim in `runs.yaml`: what is said of which runs, and the smallest difference that matters."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ablations.spec.names import Name, Number
from fakeface.config import Settings


class Difference(Settings):
    """On which side of which margin a difference is said to lie. A margin is the smallest difference that matters:
    a number in the units of what is compared, or a share of it such as 5%."""

    direction: Literal["lower", "higher", "same", "not-lower", "not-higher"]
    """What is said of the first against the second; `not-lower` and `not-higher`: at most by the margin."""
    by: Number | str | None = None
    """The margin of `lower`, `higher`, `not-lower` and `not-higher`."""
    within: Number | str | None = None
    """The margin of `same`."""


class CompareClaim(Difference):
    """A run against another one, on a metric."""

    run: Name
    """The run that the statement is about."""
    against: Name
    """The run that it is held against."""
    metric: str
    """`quality`, or a summary and a logged metric: converged, oscillation, steps-to-converge, final or median."""


class StepsClaim(Difference):
    """The step at which a run first reaches a threshold, against another run's."""

    run: Name
    """The run that the statement is about."""
    against: Name
    """The run that it is held against."""
    metric: str
    """`quality` or a logged metric, smoothed by a running median."""
    below: Number | None = None
    """Reached once the metric is not above this."""
    above: Number | None = None
    """Reached once the metric is not below this."""


class EffectClaim(Difference):
    """What a factor does averaged over another one, or how far its effect depends on the other."""

    of: str
    """One of `factors`, or `interaction`."""
    factors: Annotated[tuple[Name, Name], Field(strict=False)]
    """What the first factor and the second are called."""
    runs: Annotated[
        tuple[
            Annotated[tuple[Name, Name], Field(strict=False)],
            Annotated[tuple[Name, Name], Field(strict=False)],
        ],
        Field(strict=False),
    ]
    """[[neither, the second alone], [the first alone, both]]."""
    metric: str
    """As in `compare`."""


class TrendClaim(Settings):
    """How a metric changes from each run to the next, over runs in an order fixed beforehand."""

    runs: Annotated[tuple[Name, ...], Field(strict=False)]
    """Three or more."""
    metric: str
    """As in `compare`."""
    direction: Literal["falling", "rising", "flat"]
    """From the first run to the last."""
    by: Number | str | None = None
    """The smallest change from a run to the next that matters, of `falling` and `rising`."""
    within: Number | str | None = None
    """The same, of `flat`."""


class OutcomeClaim(Settings):
    """In how many seeds a run ends in a certain way: more than a share of all, or more than another run."""

    run: Name
    """The run that the statement is about."""
    against: Name | None = None
    """The run that is said to end so less often."""
    exit: Literal["finished", "diverged"] | None = None
    """How the training ends."""
    samples: Literal["healthy", "noise", "collapsed"] | None = None
    """What the samples are at the end."""
    dynamics: Literal["balanced", "discriminator-won", "stalled"] | None = None
    """How the two networks stand."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """More than this share of all seeds; a half where neither this nor `against` is given."""
    by: Annotated[float, Field(ge=0, lt=1)] | None = None
    """By how much larger the share is than that of `against`."""


class WindowClaim(Settings):
    """Whether a value of the searched number lies in the window in which training works."""

    contains: Number | None = None
    """A value that works."""
    excludes: Number | None = None
    """A value that does not."""


class StudyClaim(Settings):
    """What a study found."""

    name: Name
    """The study."""
    best: Difference | None = None
    """Its best setting against its reference, by the Fréchet distance on seeds that the search never used."""
    window: WindowClaim | None = None


class ClaimEntry(Settings):
    """A statement, written before the runs, that the data can support, refute or leave undecided."""

    says: Annotated[str, StringConstraints(min_length=1)]
    """The statement in words."""
    source: str = ""
    """Who said so, where."""
    family: Name | None = None
    """Claims of one family are corrected for being several (Holm); keep it small."""
    compare: CompareClaim | None = None
    """A run against another one, on a metric."""
    steps: StepsClaim | None = None
    """The step at which a run first reaches a threshold, against another run's."""
    effect: EffectClaim | None = None
    """A main effect or an interaction of two factors."""
    trend: TrendClaim | None = None
    """How a metric changes over an ordered set of runs."""
    outcome: OutcomeClaim | None = None
    """In how many seeds a run ends in a certain way."""
    study: StudyClaim | None = None
    """What a study found."""
