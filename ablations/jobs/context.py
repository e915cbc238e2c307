"""What a job is given to work with, and what it tells about itself while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ablations.jobs.plan import Job
from fakeface.data import ImageSet
from fakeface.evaluation.scoring import Scorer


@dataclass(frozen=True)
class Progress:
    """Where a job is now, for whoever shows it."""

    job: Job
    step: int
    total_steps: int
    phase: str
    """`training`, `scoring`, or `diagnosed`: for who judges a job while it runs; all of its diagnoses, in order."""
    metrics: Mapping[str, float]
    """Last values of the block; for `diagnosed`, the values of the diagnosis."""


@dataclass(frozen=True)
class Context:
    """What a job is given: what its process keeps for all jobs, and how to tell this one to stop."""

    images: Callable[[Job], ImageSet]
    scorer: Callable[[Job], Scorer]
    device: torch.device
    git: dict[str, Any]
    stop: Callable[[], bool]
    """Whether every job is to stop after the step in progress."""
    cancelled: Callable[[], str | None]
    """Why this job is to stop after the step in progress, as `pruned`; None while it is not."""
    on_progress: Callable[[Progress], None]
    allow_inexact: bool = False
