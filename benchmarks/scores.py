"""What a score costs: the Fréchet distance against torch-fidelity's, the extractor against contiguous memory."""

import numpy as np
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from benchmarks.ratio import Ratio, compare
from fakeface.evaluation.extractors.efficientnet import EfficientNetLite0
from fakeface.evaluation.frechet import frechet_distance, statistics

AGREEMENT = 1e-4


def bench_frechet(count: int, dimension: int, pairs: int) -> Ratio:
    """From the features of samples to the distance; each side has the statistics of the real images already.

    Raises:
        SystemExit: the values differ.
    """
    random = np.random.default_rng(0)
    axes, _ = np.linalg.qr(random.normal(size=(dimension, dimension)))
    scales = np.logspace(0, -3, dimension)  # Inception's features vary over about as many decades
    real, samples = (
        (random.normal(size=(count, dimension)) * scales * size @ axes).astype(np.float32)
        for size in (1, 1.1)
    )
    reference, known = statistics(real), fid_features_to_statistics(torch.from_numpy(real))
    reference.root  # noqa: B018 - kept with the reference

    def ours() -> float:
        return frechet_distance(statistics(samples), reference)

    def fidelity() -> float:
        of_samples = fid_features_to_statistics(torch.from_numpy(samples))
        return float(fid_statistics_to_metric(of_samples, known, verbose=False)[KEY_METRIC_FID])

    value, expected = ours(), fidelity()
    if abs(value - expected) > AGREEMENT * expected:
        raise SystemExit(f"frechet: {value} is not torch-fidelity's {expected}")
    case = f"Fréchet distance, {count:,} features of {dimension:,}"
    return compare(case, ours, f"torch-fidelity (same to {abs(value / expected - 1):.0e})", fidelity, pairs)


def bench_features(count: int, size: int, pairs: int) -> Ratio:
    """EfficientNet-Lite0's features of images."""
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    ours, contiguous = EfficientNetLite0(), EfficientNetLite0()
    contiguous._network = contiguous._network.to(memory_format=torch.contiguous_format)
    ours(images[:32]), contiguous(images[:32])
    case = f"features of {count:,} images of {size}x{size}"
    return compare(case, lambda: ours(images), "contiguous weights", lambda: contiguous(images), pairs)
