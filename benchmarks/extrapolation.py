"""`python -m benchmarks.extrapolation`: how often a Fréchet distance at infinite N covers, and how often it is refused.

Gaussian features whose distance from the reference is known. Their standard deviations are equal, or fall by e³ from
the first to the last. The generator is the reference's law with other spreads, or another mean. The distance is given
in floors: what as many real images have. Without options it takes two minutes on one core.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fakeface.errors import UserError
from fakeface.evaluation.extrapolation import extrapolate
from fakeface.evaluation.frechet import Statistics, frechet_distance, statistics

GENERATORS = ("narrower", "wider", "shifted")
FALLS = {"equal": 0.0, "falling": 3.0}
FLOORS = (0.0, 0.5, 2.0, 10.0, 100.0)


@dataclass(frozen=True)
class Case:
    """Features of a generator whose distance from the reference is `floors` times the floor."""

    generator: str
    spreads: str
    samples: int
    dimension: int
    floors: float

    def coverage(self, draws: int) -> tuple[int, int]:
        """In how many draws the interval covers the truth, and how many have one."""
        random = np.random.default_rng([self.samples, self.dimension])
        scales = np.exp(-np.linspace(0, FALLS[self.spreads], self.dimension))
        real = Statistics(np.zeros(self.dimension), np.diag(scales**2), self.samples)
        floor = frechet_distance(statistics(self._draw(random) * scales), real)
        factor, shift = self._change(self.floors * floor, scales)
        truth = float(self.dimension * shift**2 + (factor - 1) ** 2 * (scales @ scales))
        covered = given = 0
        for _ in range(draws):
            try:
                found = extrapolate(factor * self._draw(random) * scales + shift, real)
            except UserError:
                continue
            assert found.error is not None
            given += 1
            covered += abs(found.value - truth) < 1.96 * found.error
        return covered, given

    def _draw(self, random: np.random.Generator) -> np.ndarray:
        return random.normal(size=(self.samples, self.dimension))

    def _change(self, distance: float, scales: np.ndarray) -> tuple[float, float]:
        """The factor of all spreads, and the shift of all means, that lead so far."""
        step = float(np.sqrt(distance / (scales @ scales)))
        if self.generator == "shifted":
            return 1.0, float(np.sqrt(distance / self.dimension))
        return (1 + step if self.generator == "wider" else max(0.05, 1 - step)), 0.0


def bench_extrapolation(
    dimension: int, per_dimension: Sequence[float], distances: Sequence[float], draws: int
) -> None:
    """Print the table: of each case the coverage, and the share of refused draws where there are any."""
    sizes = [round(one * dimension) for one in per_dimension]
    print(f"| {dimension} features | spreads | floors |" + "".join(f" N = {size:,} |" for size in sizes))
    print("|" + "---|" * (3 + len(sizes)))
    for generator in GENERATORS:
        for spreads in FALLS:
            for floors in distances:
                cells = []
                for size in sizes:
                    covered, given = Case(generator, spreads, size, dimension, floors).coverage(draws)
                    refused = f"{1 - given / draws:.0%} refused" if given < draws else ""
                    cells.append(
                        ", ".join(filter(None, [f"{covered / given:.1%}" if given else "", refused]))
                    )
                print(f"| {generator} | {spreads} | {floors:g} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extrapolation", description=__doc__)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--per-dimension", type=float, nargs="*", default=[6, 10, 25])
    parser.add_argument("--floors", type=float, nargs="*", default=list(FLOORS), help="distances, in floors")
    parser.add_argument("--draws", type=int, default=60, help="of each case")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench_extrapolation(options.dimension, options.per_dimension, options.floors, options.draws)


if __name__ == "__main__":
    main()
