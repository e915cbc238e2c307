"""`python -m benchmarks.intervals`: the influence-function interval of a Fréchet distance against a bootstrap.

Three kinds of 320 features with N = 5 d samples: Gaussian; skewed with heavy tails; EfficientNet-Lite0's of
portraits, half of them ghosts of two and half coarse. The bootstrap is the plain one, as fast as possible: what
depends on the reference alone is computed once, and a replicate needs eigenvalues only.

Fails if the widths differ by more than 15% or the interval is less than 50 times as fast.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
import torch

from fakeface.data.portraits import render
from fakeface.evaluation.extractors.efficientnet import EfficientNetLite0
from fakeface.evaluation.frechet import Statistics, statistics
from fakeface.evaluation.frechet_interval import frechet_interval

DIMENSION = EfficientNetLite0.dimension
WIDTH_TOLERANCE = 0.15
LEAST_SPEEDUP = 50
REFERENCE_IMAGES = 5_000
IMAGE_SIZE = 32

Kind = Callable[[int, np.random.Generator], tuple[np.ndarray, Statistics]]
"""N and randomness -> samples' features (N, 320), statistics of the reference."""


def _mixings(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices (d, d) that give features correlations and a falling spectrum: of the real and the samples."""
    scales = np.exp(-np.linspace(0, 3, DIMENSION)) / np.sqrt(DIMENSION)
    real, other = random.normal(size=(2, DIMENSION, DIMENSION)) * scales
    return real, real + 0.5 * other


def gaussian(n: int, random: np.random.Generator) -> tuple[np.ndarray, Statistics]:
    real, own = _mixings(random)
    features = random.normal(size=(n, DIMENSION)) @ own + 0.02
    return features, Statistics(np.zeros(DIMENSION), real.T @ real, REFERENCE_IMAGES)


def skewed(n: int, random: np.random.Generator) -> tuple[np.ndarray, Statistics]:
    """Log-normal factors under one scale a sample, whose tails no mixing averages away."""
    real, own = _mixings(random)
    factors = np.exp(0.7 * random.normal(size=(n, DIMENSION))) - 1
    features = factors * np.exp(0.3 * random.normal(size=(n, 1))) @ own
    return features, Statistics(np.zeros(DIMENSION), real.T @ real, REFERENCE_IMAGES)


def portraits(n: int, random: np.random.Generator) -> tuple[np.ndarray, Statistics]:  # noqa: ARG001
    extractor = EfficientNetLite0()
    reference = statistics(extractor(render(0, REFERENCE_IMAGES, IMAGE_SIZE)))
    pictures = render(REFERENCE_IMAGES, REFERENCE_IMAGES + n + n // 2, IMAGE_SIZE)
    ghosts = (pictures[: n // 2] // 2) + (pictures[n // 2 : n // 2 * 2] // 2)
    sharp = pictures[n // 2 * 2 :][: n - n // 2]
    coarse = sharp[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    return extractor(np.concatenate([ghosts, coarse])), reference


KINDS: dict[str, Kind] = {"gaussian": gaussian, "skewed": skewed, "portraits": portraits}


def bootstrap(
    features: np.ndarray, reference: Statistics, replicates: int, random: np.random.Generator
) -> np.ndarray:
    """Distances (replicates,) of resampled features (N, d) from the reference."""
    values, vectors = scipy.linalg.eigh(reference.covariance)
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    trace = np.trace(reference.covariance)
    distances = np.empty(replicates)
    for i in range(replicates):
        resampled = statistics(features[random.integers(0, len(features), len(features))])
        offset = resampled.mean - reference.mean
        product = scipy.linalg.eigvalsh(factor.T @ resampled.covariance @ factor)
        cross = np.sqrt(np.clip(product, 0, None)).sum()
        distances[i] = offset @ offset + np.trace(resampled.covariance) + trace - 2 * cross
    return distances


def compare(name: str, per_dimension: float, replicates: int) -> bool:
    """Print one kind's line; whether width and speed are as promised."""
    random = np.random.default_rng(0)
    n = round(per_dimension * DIMENSION)
    features, reference = KINDS[name](n, random)
    frechet_interval(features, reference)  # the first call loads code
    times = []
    for _ in range(5):
        started = time.perf_counter()
        found = frechet_interval(features, reference)
        times.append(time.perf_counter() - started)
    ours = float(np.median(times))
    started = time.perf_counter()
    distances = bootstrap(features, reference, replicates, random)
    theirs = time.perf_counter() - started
    low, high = np.quantile(distances, [0.025, 0.975])
    width = (found.high - found.low) / (high - low)
    print(
        f"{name}: N = {n}, {DIMENSION} features, distance {found.value:.4g}, width {found.high - found.low:.4g}, "
        f"{width:.3f} times the bootstrap's; {ours * 1e3:.0f} ms against {theirs:.1f} s for {replicates} "
        f"replicates: {theirs / ours:.0f} times as fast",
        flush=True,
    )
    return abs(width - 1) <= WIDTH_TOLERANCE and theirs / ours >= LEAST_SPEEDUP


def bench_intervals(kinds: Sequence[str], per_dimension: float, replicates: int) -> None:
    """Compare some of `KINDS`. Raises SystemExit where one of them does not keep the promise."""
    kept = [compare(name, per_dimension, replicates) for name in kinds]
    if not all(kept):
        sys.exit(f"promised: widths within {WIDTH_TOLERANCE:.0%}, and {LEAST_SPEEDUP} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--per-dimension", type=float, default=5, help="samples per feature, at least 5")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench_intervals(options.kinds, options.per_dimension, options.replicates)


if __name__ == "__main__":
    main()
