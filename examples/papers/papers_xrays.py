"""X-rays of 8 bits as squares of one size, and which of them are held back."""

from pathlib import Path

import numpy as np
from PIL import Image

from numcodecs_neural.training.images import image_paths
from numcodecs_neural.training.split import is_held_back

SIDE = 256


def read_squares(folder: Path, *, held_back: bool) -> list[np.ndarray]:
    """Return the X-rays (256, 256) of a folder that are held back, or those that are not."""
    paths = [path for path in image_paths(folder) if is_held_back(path) is held_back]
    if not paths:
        raise SystemExit(f"{folder} holds no such images: held back by name is one of four")
    return [read_square(path) for path in paths]


def read_square(path: Path) -> np.ndarray:
    """Return the largest square in the middle, reduced to 256 x 256 by the mean over areas."""
    with Image.open(path) as image:
        if image.mode != "L":
            raise SystemExit(f"{path} is of mode {image.mode}; expected grey levels of 8 bits, L")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        # Rounded once: Pillow rounds samples of 8 bits after rows and again after columns.
        reduced = square.convert("F").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(reduced).round().astype(np.uint8)
