"""Scores and diagnoses of sets of pictures, uint8 (N, H, W, C), C in {1, 3}: arrays in, numbers out."""

from fakeface.evaluation.diagnosis import (
    SampleDiagnosis,
    diagnose_samples,
    label_samples,
    measure_samples,
    onset_of,
)
from fakeface.evaluation.dynamics import DynamicsDiagnosis, diagnose_dynamics
from fakeface.evaluation.efficientnet import EfficientNetLite0
from fakeface.evaluation.extrapolation import Extrapolation, extrapolate
from fakeface.evaluation.features import EXTRACTORS, Extractor, metric_name, protocol_of
from fakeface.evaluation.floor import Floor, real_floor
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics
from fakeface.evaluation.frechet_interval import FrechetInterval, frechet_influence, frechet_interval
from fakeface.evaluation.inception import Inception
from fakeface.evaluation.kernel_distance import KernelDistance, kernel_distance
from fakeface.evaluation.precision_recall import PrecisionRecall, precision_recall
from fakeface.evaluation.quality import floor_of, measure_quality, sample_features
from fakeface.evaluation.reference import RealStatistics, Reference, draw, keep, real_statistics, reference

__all__ = [
    "EXTRACTORS",
    "DynamicsDiagnosis",
    "EfficientNetLite0",
    "Extractor",
    "Extrapolation",
    "Floor",
    "FrechetInterval",
    "Inception",
    "KernelDistance",
    "PrecisionRecall",
    "RealStatistics",
    "Reference",
    "SampleDiagnosis",
    "Statistics",
    "diagnose_dynamics",
    "diagnose_samples",
    "draw",
    "extrapolate",
    "floor_of",
    "frechet_distance",
    "frechet_influence",
    "frechet_interval",
    "keep",
    "kernel_distance",
    "label_samples",
    "measure_quality",
    "measure_samples",
    "metric_name",
    "onset_of",
    "precision_recall",
    "protocol_of",
    "real_floor",
    "real_statistics",
    "reference",
    "sample_features",
    "statistics",
]
