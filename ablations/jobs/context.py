"""What a running job receives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from fakeface.data import ImageSet
from fakeface.evaluation.scoring import Scorer


@dataclass(frozen=True)
class Context:
    """What a running job receives: what its process shares among jobs, and when to stop."""

    images: Callable[[Job], ImageSet]
    scorer: Callable[[Job], Scorer]
    device: torch.device
    git: dict[str, Any]
    stop: Callable[[], bool]
    """Whether every job must stop after the current step."""
    cancelled: Callable[[], str | None]
    """Why this job must stop after the current step, as `pruned`; None while it need not."""
    on_progress: Callable[[Progress], None]
    allow_inexact: bool = False
