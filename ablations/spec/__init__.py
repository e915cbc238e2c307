"""`runs.yaml` -> a validated specification. Every error names its file and line."""

from ablations.spec.models import RunConfig
from ablations.spec.runs import Run
from ablations.spec.schema import schema
from ablations.spec.specification import Names, Spec, load_spec
from ablations.spec.studies import StudySpec
from ablations.spec.yaml_tree import Node, Problem, SpecError

__all__ = [
    "Names",
    "Node",
    "Problem",
    "Run",
    "RunConfig",
    "Spec",
    "SpecError",
    "StudySpec",
    "load_spec",
    "schema",
]
