"""The one vocabulary of how a job went. Every other table of words, colours or statuses is a map keyed by these enums.

Members are strings, so a journal, a frame or JSON holds them as they are.
"""

from enum import StrEnum


class Exit(StrEnum):
    """How a job ended, or why it has not."""

    FINISHED = "finished"
    """It took all of its steps."""
    DIVERGED = "diverged"
    """A loss or a weight was no longer finite. A result: it is not trained again."""
    PRUNED = "pruned"
    """A study cut it short."""
    INTERRUPTED = "interrupted"
    """Stopped or killed; the same command resumes it."""
    CRASHED = "crashed"
    """An error ended it."""

    RUNNING = "running"
    """No outcome yet: a process is working on it."""
    NEW = "new"
    """No outcome yet: it has not started."""
    UNKNOWN = "unknown"
    """No outcome yet: it is running or was interrupted. Its lock, another user's or another machine's, does not say."""
    UNREADABLE = "unreadable"
    """Its journal cannot be read."""
    BUSY = "busy"
    """Not an outcome: another process holds its lock, so an executor skipped it."""
    REFUSED = "refused"
    """Not an outcome: an executor could not start it."""
    LOST = "lost"
    """Not an outcome: its worker died, so it is resumed elsewhere."""


ENDED = frozenset({Exit.FINISHED, Exit.DIVERGED, Exit.PRUNED, Exit.INTERRUPTED, Exit.CRASHED})
"""Exits that an outcome can have."""
COMPLETE = frozenset({Exit.FINISHED, Exit.DIVERGED})
"""Exits after which a job is not trained again: a divergence is a result."""


class Samples(StrEnum):
    """What the generator's samples are. A diverged training has no such word: its generator's output is not finite."""

    HEALTHY = "healthy"
    NOISE = "noise"
    COLLAPSED = "collapsed"


class Dynamics(StrEnum):
    """How the training of the two networks went."""

    BALANCED = "balanced"
    DISCRIMINATOR_WON = "discriminator-won"
    STALLED = "stalled"


class Regime(StrEnum):
    """An outcome in one word: what broke comes first, then what the samples are, then why they are so."""

    WORKS = "works"
    STALLED = Dynamics.STALLED.value
    NOISE = Samples.NOISE.value
    COLLAPSED = Samples.COLLAPSED.value
    DISCRIMINATOR_WON = Dynamics.DISCRIMINATOR_WON.value
    DIVERGED = Exit.DIVERGED.value
    UNKNOWN = "unknown"
    """Stopped too early to tell."""


def regime_of(exit_: str, samples: str | None, dynamics: str | None) -> Regime:
    """The regime of a job with these three words."""
    if exit_ == Exit.DIVERGED:
        return Regime.DIVERGED
    if dynamics == Dynamics.DISCRIMINATOR_WON:
        return Regime.DISCRIMINATOR_WON
    if samples == Samples.HEALTHY:
        return Regime.WORKS if exit_ == Exit.FINISHED else Regime.UNKNOWN
    if dynamics == Dynamics.STALLED:
        return Regime.STALLED
    if exit_ != Exit.FINISHED or samples is None:
        return Regime.UNKNOWN
    return Regime(samples)
