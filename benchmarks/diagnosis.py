"""`python -m benchmarks.diagnosis`: how often samples get the right word, in the table of docs/statistics.md.

Of each kind of picture (`benchmarks.picture_sets`), half are the real images of a data set and the others stand for
samples, whole or as a failure would leave them.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.ndimage
import torch

from benchmarks.picture_sets import SETS, PictureSet, folder, to_uint8
from fakeface.evaluation.calibration import DIAGNOSIS_SAMPLES, real_statistics
from fakeface.evaluation.diagnosis import diagnose_samples
from fakeface.evaluation.noise import white_noise
from fakeface.evaluation.pixels import Images
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.networks.dcgan import Generator
from fakeface.gan.sampling import generate
from fakeface.outcomes import Samples

RIGHT = {
    "real": Samples.HEALTHY,
    "grain of 2 levels": Samples.HEALTHY,
    "blurred": Samples.HEALTHY,
    "saturated": Samples.HEALTHY,
    "white noise": Samples.NOISE,
    "half noise": Samples.NOISE,
    "untrained": Samples.NOISE,
    "one picture": Samples.COLLAPSED,
    "ten pictures": Samples.COLLAPSED,
    "one class": Samples.COLLAPSED,
}
"""The columns, and the word that is right."""
SAID = ("blurred", "saturated")
"""Columns whose name the evidence should contain, where it changes the pictures."""
PROMISED = 0.95
"""Share of right words in each cell."""
MANY = 100
"""Pictures of a set of which ten are a collapse."""


def spoilt(
    pictures: Images, classes: np.ndarray | None, random: np.random.Generator
) -> Iterator[tuple[str, Images]]:
    """256 samples of each column from held-out pictures (M, H, W, C) with their classes (M,), if they have any."""
    n, size = DIAGNOSIS_SAMPLES, pictures.shape[1]

    def drawn(some: Images) -> Images:
        return some[random.choice(len(some), n, replace=len(some) < n)]

    real = drawn(pictures)
    one = real[0].astype(float)
    yield "real", real
    yield "grain of 2 levels", to_uint8(real + random.normal(0, 2, real.shape))
    yield "blurred", scipy.ndimage.gaussian_filter(real, (0, size / 32, size / 32, 0))
    yield "saturated", to_uint8(127.5 + 4 * (real - 127.5))
    yield "white noise", white_noise(real, random)
    yield "half noise", np.concatenate([real[: n // 2], white_noise(real[n // 2 :], random)])
    yield "untrained", untrained(size, pictures.shape[3], random)
    yield "one picture", to_uint8(one + random.normal(0, 0.05 * one.std(), real.shape))
    if len(pictures) >= MANY:
        yield "ten pictures", real[random.integers(0, 10, n)]
    if classes is not None:
        yield "one class", drawn(pictures[classes == random.choice(classes)])


def untrained(size: int, channels: int, random: np.random.Generator) -> Images:
    """Samples of a DCGAN that never trained, of any initial weights and contrast."""
    seeds = torch.Generator().manual_seed(int(random.integers(2**31)))
    generator = Generator(image_size=size, latent_dim=100, width=16, channels=channels)
    INITIALIZERS[str(random.choice(["pytorch", "dcgan"]))](generator, seeds)
    with torch.no_grad():
        [p for p in generator.parameters() if p.dim() == 4][-1].mul_(float(random.choice([1, 10, 40])))
    return generate(generator, torch.randn(DIAGNOSIS_SAMPLES, 100, generator=seeds))


def row(pictures: PictureSet, rounds: int, draws: int) -> tuple[dict[str, float], dict[str, float]]:
    """The share of right words in each column, and how often the evidence says what was done."""
    right, said, tried = Counter(), Counter(), Counter()
    for turn in range(rounds):
        random = np.random.default_rng(turn)
        images, classes = pictures.draw(random)
        half = len(images) // 2
        real = real_statistics(images[half:])
        for _ in range(draws):
            for column, samples in spoilt(images[:half], None if classes is None else classes[:half], random):
                found = diagnose_samples(samples, real)
                tried[column] += 1
                right[column] += found.label == RIGHT[column]
                said[column] += column in found.evidence
    return {c: right[c] / n for c, n in tried.items()}, {c: said[c] / tried[c] for c in SAID}


def table(sets: list[PictureSet], rounds: int, draws: int) -> Iterator[str]:
    """The lines of the table; ends the process where a word is right less often than promised."""
    yield "| pictures | " + " | ".join(f"{c} (said)" if c in SAID else c for c in RIGHT) + " |"
    yield "|---|" + "---|" * len(RIGHT)
    broken = []
    for one in sets:
        shares, said = row(one, rounds, draws)
        cells = [
            "–" if c not in shares else f"{shares[c]:.0%}" + (f" ({said[c]:.0%})" if c in SAID else "")
            for c in RIGHT
        ]
        yield f"| {one.name}{' *' if one.held_out else ''} | {' | '.join(cells)} |"
        broken += [f"{one.name}, {c}: {share:.0%}" for c, share in shares.items() if share < PROMISED]
    if broken:
        sys.exit(f"right less often than {PROMISED:.0%}: {'; '.join(broken)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__)
    parser.add_argument(
        "--faces", type=Path, help="a folder of real faces as one more set, which was held out too"
    )
    parser.add_argument("--rounds", type=int, default=2, help="times that a set is drawn")
    parser.add_argument("--draws", type=int, default=10, help="sets of samples a round")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets = list(SETS)
    if options.faces is not None:
        sets.append(PictureSet("real faces, grey", True, folder(options.faces)))
    for line in table(sets, options.rounds, options.draws):
        print(line, flush=True)


if __name__ == "__main__":
    main()
