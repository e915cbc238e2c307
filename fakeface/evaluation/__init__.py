"""Scores and diagnoses of sets of pictures, uint8 (N, H, W, C), C in {1, 3}: arrays in, numbers out."""

from fakeface.evaluation.diagnosis import (
    SampleDiagnosis,
    diagnose_samples,
    label_samples,
    measure_samples,
    onset_of,
)
from fakeface.evaluation.dynamics import Dynamics, diagnose_dynamics
from fakeface.evaluation.efficientnet import EfficientNetLite0
from fakeface.evaluation.features import EXTRACTORS, Extractor, metric_name, protocol_of
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics
from fakeface.evaluation.inception import Inception
from fakeface.evaluation.reference import RealStatistics, Reference, draw, real_statistics, reference

__all__ = [
    "EXTRACTORS",
    "Dynamics",
    "EfficientNetLite0",
    "Extractor",
    "Inception",
    "RealStatistics",
    "Reference",
    "SampleDiagnosis",
    "Statistics",
    "diagnose_dynamics",
    "diagnose_samples",
    "draw",
    "frechet_distance",
    "label_samples",
    "measure_samples",
    "metric_name",
    "onset_of",
    "protocol_of",
    "real_statistics",
    "reference",
    "statistics",
]
