"""Contact sheets and PNG files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fakeface.files import os_errors, output_file

GAP = 2
"""White pixels between the images of a sheet."""


def contact_sheet(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Images (N, H, W, C) in rows of `columns`, with white between and after them: (H', W', C).

    Raises:
        ValueError: no images, or fewer than one column.
    """
    if len(images) == 0 or columns < 1:
        raise ValueError(f"a contact sheet of {len(images)} images in {columns} columns")
    n, height, width, channels = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, height + GAP, width + GAP, channels), 255, dtype=np.uint8)
    cells[:n, :height, :width] = images
    sheet = cells.reshape(rows, columns, height + GAP, width + GAP, channels).swapaxes(1, 2)
    return sheet.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]


def save_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image (H, W, 1 or 3) as PNG; the file appears complete or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    with os_errors(path, "write the picture"), output_file(path) as file:
        picture.save(file, format="PNG")
