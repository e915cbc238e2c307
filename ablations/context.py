"""What the jobs of one command share, and what a job tells about itself while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ablations.plan import Job
from ablations.scoring import Scorer
from fakeface.data import ImageSet


@dataclass(frozen=True)
class Progress:
    """Where a job is now, for whoever shows it."""

    job: Job
    step: int
    total_steps: int
    phase: str
    """`training`, `scoring` or `saving`."""
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Context:
    """What the jobs of one command share."""

    images: Callable[[Job], ImageSet]
    scorer: Callable[[Job], Scorer]
    device: torch.device
    git: dict[str, Any]
    stop: Callable[[], bool]
    on_progress: Callable[[Progress], None]
    allow_inexact: bool = False
