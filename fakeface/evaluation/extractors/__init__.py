"""Feature extractors: pictures in, vectors out. One registered class a file."""

from fakeface.evaluation.extractors import efficientnet, inception  # noqa: F401 - registers them
from fakeface.evaluation.extractors._base import EXTRACTORS, Extractor, Progress, protocol_of, protocols_of

__all__ = ["EXTRACTORS", "Extractor", "Progress", "protocol_of", "protocols_of"]
