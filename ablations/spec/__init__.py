"""`runs.yaml` -> a validated specification. Every error names its file and line."""

from ablations.spec.specification import (
    CheckpointConfig,
    Claim,
    Ladder,
    Place,
    Problem,
    Run,
    RunConfig,
    SamplesConfig,
    Spec,
    SpecError,
    StudySpec,
    TrackingConfig,
    load_spec,
    schema,
)

__all__ = [
    "CheckpointConfig",
    "Claim",
    "Ladder",
    "Place",
    "Problem",
    "Run",
    "RunConfig",
    "SamplesConfig",
    "Spec",
    "SpecError",
    "StudySpec",
    "TrackingConfig",
    "load_spec",
    "schema",
]
