"""DiffAugment (Zhao, Liu, Lin, Zhu & Han 2020, arXiv 2006.10738), after the authors' code.

Each image has its own random numbers. They are drawn on the CPU, so that every device sees the same. The code is
`mit-han-lab/data-efficient-gans`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fakeface.gan.augmentations._base import AUGMENTATIONS


@AUGMENTATIONS.register("diffaugment")
def diffaugment(
    images: Tensor, generator: torch.Generator, *, policy: str = "color,translation,cutout"
) -> Tensor:
    """Random colours, translation and cutout of each image.

    Args:
        images: (B, C, H, W). Pixels without an image and those that are cut out become 0.
        generator: on the CPU.
        policy: some of `color`, `translation` and `cutout`, with commas between them, in the order in which they act;
            empty: the images stay as they are.

    Raises:
        ValueError: the policy has another word.
    """
    for word in filter(None, (word.strip() for word in policy.split(","))):
        if word not in TRANSFORMS:
            raise ValueError(
                f"policy has {word!r}: it takes {', '.join(TRANSFORMS)}, with commas between them"
            )
        images = TRANSFORMS[word](images, generator)
    return images


def color(x: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness + U(-0.5, 0.5); then saturation x U(0, 2), around each pixel's mean; contrast x U(0.5, 1.5)."""
    brightness, saturation, contrast = (
        draw.to(x.device, non_blocking=True)
        for draw in torch.rand(3, len(x), 1, 1, 1, generator=generator).unbind()
    )
    x = x + (brightness - 0.5)
    grey = x.mean(dim=1, keepdim=True)
    x = (x - grey) * (2 * saturation) + grey
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def translation(x: Tensor, generator: torch.Generator) -> Tensor:
    """A shift by up to an eighth of the size, rounded, up or down and left or right; 0 where no image is left."""
    (rows, inside_rows), (columns, inside_columns) = (
        _shifted(len(x), size, x.device, generator) for size in x.shape[2:]
    )
    image = torch.arange(len(x), device=x.device)[:, None, None]
    shifted = x.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return shifted * (inside_rows[:, None, :, None] & inside_columns[:, None, None, :])


def _shifted(
    count: int, size: int, device: torch.device, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """For `count` images, where each pixel of an axis comes from, and whether it is inside; both (count, size)."""
    most = int(size / 8 + 0.5)
    source = torch.arange(size) + torch.randint(-most, most + 1, (count, 1), generator=generator)
    inside = (source >= 0) & (source < size)
    return source.clamp(0, size - 1).to(device, non_blocking=True), inside.to(device, non_blocking=True)


def cutout(x: Tensor, generator: torch.Generator) -> Tensor:
    """0 in a square of half the size, rounded, whose centre is anywhere in the image."""
    rows, columns = (_covered(len(x), size, x.device, generator) for size in x.shape[2:])
    return x * ~(rows[:, None, :, None] & columns[:, None, None, :])


def _covered(count: int, size: int, device: torch.device, generator: torch.Generator) -> Tensor:
    """For `count` images, whether each pixel of an axis is covered, (count, size)."""
    side = int(size / 2 + 0.5)
    first = torch.randint(size + 1 - side % 2, (count, 1), generator=generator) - side // 2
    pixels = torch.arange(size)
    return ((pixels >= first) & (pixels < first + side)).to(device, non_blocking=True)


TRANSFORMS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
"""The words of a policy."""
