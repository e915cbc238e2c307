"""The progress that a running job reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from ablations.jobs.plan import Job


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    job: Job
    step: int
    total_steps: int
    phase: str
    """`training`, `scoring` or `diagnosed`. The latter reports each of the job's diagnoses once, in order, those from
    before a resume included."""
    metrics: Mapping[str, float]
    """The last values of the block or, for `diagnosed`, the values of the diagnosis."""
