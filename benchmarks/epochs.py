"""A folder of JPEGs: preparing it, and the first and later epochs, against a loader that decodes at each step."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.ratio import Ratio, of_pairs, seconds_of
from benchmarks.reference import ReportLoop
from benchmarks.steps import setting
from fakeface import data
from fakeface.config import DataConfig, TrainingConfig
from fakeface.gan import training
from fakeface.gan.batches import RealImages
from fakeface.gan.step import GanState

SIDE = 96


class DecodedAtEachStep(Dataset[Tensor]):
    """As torchvision's ImageFolder with Resize, CenterCrop and ToTensor has it: each image from its file, in [0, 1]."""

    def __init__(self, folder: Path, size: int) -> None:
        self.files, self.size = sorted(path for path in folder.rglob("*.jpg")), size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.files[index]) as file:
            image = file.convert("RGB")
        scale = self.size / min(image.size)
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
        )
        left, top = (image.width - self.size) // 2, (image.height - self.size) // 2
        image = image.crop((left, top, left + self.size, top + self.size))
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def draw_jpegs(folder: Path, count: int) -> None:
    """Smooth random pictures, which compress about as faces do."""
    random = np.random.default_rng(0)
    for index in range(count):
        coarse = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{index:05d}.jpg", quality=90)


def bench_epochs(images: Path | None, count: int, size: int, pairs: int) -> list[Ratio]:
    """Preparation, the first epoch (with preparation) and a later one, of the images in a folder.

    Args:
        images: a folder of JPEGs; None: `count` that are drawn.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if images is None:
            images = work / "jpegs"
            images.mkdir()
            draw_jpegs(images, count)
        config = setting(size)
        decoded = DecodedAtEachStep(images, size)
        batch = config.train.batch_size
        loader = DataLoader(decoded, batch, shuffle=True, drop_last=True, num_workers=2)
        loop = ReportLoop(config, torch.device("cpu"))
        state = GanState.create(config, 0, torch.device("cpu"))
        steps = len(decoded) // batch
        found: dict[str, list[tuple[float, float]]] = {
            "preparation": [],
            "first epoch": [],
            "later epoch": [],
        }
        for number in range(pairs):
            real, prepared = _prepare(images, work / f"cache-{number}", size, batch)
            ours = seconds_of(lambda: _epoch(config, state, real, steps))  # noqa: B023
            decoding = seconds_of(lambda: [decoded[index] for index in range(len(decoded))])
            theirs = seconds_of(lambda: _reference_epoch(loop, loader))
            found["preparation"].append((prepared, decoding))
            found["first epoch"].append((prepared + ours, theirs))
            found["later epoch"].append((ours, theirs))
    names = {
        "preparation": "decoding in one process",
        "first epoch": "a loader with 2 workers that decodes at each step",
        "later epoch": "a loader with 2 workers that decodes at each step",
    }
    kind = f"of {len(decoded):,} JPEGs at {size}x{size}"
    return [of_pairs(f"{case} {kind}", names[case], times) for case, times in found.items()]


def _prepare(images: Path, cache: Path, size: int, batch: int) -> tuple[RealImages, float]:
    prepared = []
    config = DataConfig(name="folder", path=str(images), image_size=size)
    seconds = seconds_of(lambda: prepared.append(data.prepare(config, cache)))
    real = RealImages(
        prepared[0].images, None, scaling="symmetric", batch_size=batch, seed=0, device=torch.device("cpu")
    )
    return real, seconds


def _epoch(config: TrainingConfig, state: GanState, real: RealImages, steps: int) -> None:
    for _ in training.train(config, state, real, state.step + steps):
        pass


def _reference_epoch(loop: ReportLoop, loader: DataLoader[Tensor]) -> None:
    for images in loader:
        loop.step(images * 2 - 1)
