"""Feature extractors: pictures in, vectors out. One registered class a file."""

from fakeface.evaluation.extractors import efficientnet, inception  # noqa: F401 - registers them
from fakeface.evaluation.extractors._base import (
    EXTRACTORS,
    Extractor,
    Progress,
    metric_name,
    protocol_of,
    read_weights,
)

__all__ = ["EXTRACTORS", "Extractor", "Progress", "metric_name", "protocol_of", "read_weights"]
