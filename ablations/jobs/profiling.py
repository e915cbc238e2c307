"""Where the time of jobs in this process goes: data, D, G, optimizers, evaluation, tracking.

Python's own profiler times the functions of the step and the session from outside, so that no code of a training's
identity changes.
"""

import cProfile
import pstats
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ablations.jobs.session import Session, run_job
from fakeface.gan.batches import RealImages
from fakeface.gan.step import augmented, gan_step, take_step, train_discriminator, train_generator
from fakeface.randomness import latent_noise

Function = Callable[..., Any]


@dataclass(frozen=True)
class Part:
    """A part of the work of jobs."""

    name: str
    seconds: float
    share: float
    """Of the time of all jobs."""
    per_step: float
    """Seconds for each step taken."""


def parts_of(profile: cProfile.Profile) -> list[Part]:
    """The parts of the jobs that ran while a profile was taken, on one thread of Python; empty if none ran.

    On a GPU the calls must wait for it (`CUDA_LAUNCH_BLOCKING=1`), or its time counts for whatever waits first.
    """
    calls = pstats.Stats(profile).stats  # type: ignore[attr-defined]

    def seconds(*functions: Function, within: Function | None = None) -> float:
        """The time in some functions and in what they call; only in calls by `within`."""
        found = [calls[_key(function)] for function in functions if _key(function) in calls]
        if within is None:
            return float(sum(cumulative for _, _, _, cumulative, _ in found))
        return float(sum(callers[_key(within)][3] for *_, callers in found if _key(within) in callers))

    whole = seconds(run_job)
    if not whole:
        return []
    data = seconds(RealImages.batch) + seconds(latent_noise, augmented, within=gan_step)
    optimizer = {half: seconds(take_step, within=half) for half in (train_discriminator, train_generator)}
    of_d = seconds(train_discriminator) - optimizer[train_discriminator]
    times = {
        "start": seconds(Session.__init__, Session.open),
        "data": data,
        "D": of_d,
        # With G's forward pass, which D's half shares: it is all else in a step.
        "G": seconds(gan_step) - data - of_d - sum(optimizer.values()),
        "optimizer": sum(optimizer.values()),
        "evaluation": seconds(Session._grid, Session._diagnose, Session._score),
        "tracking": seconds(Session._record),
        "checkpoints": seconds(Session.save),
    }
    times["other"] = whole - sum(times.values())
    steps = max(1, calls[_key(gan_step)][1] if _key(gan_step) in calls else 0)
    return [Part(name, time, time / whole, time / steps) for name, time in times.items()]


def _key(function: Function) -> tuple[str, int, str]:
    code = function.__code__
    return code.co_filename, code.co_firstlineno, code.co_name
