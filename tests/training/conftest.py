"""Small images to train on, made here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from tests.annotations import Image, Rng

if TYPE_CHECKING:
    from numcodecs_neural.training.data import Crops
    from numcodecs_neural.training.model import Shape


def smooth_image(rng: Rng, side: int = 160) -> Image:
    """Return a smooth coloured image with a little noise, (side, side, 3)."""
    coarse = rng.integers(60, 250, (side // 20 + 1, side // 20 + 1, 3)).astype(np.float32)
    y, x = np.indices((side, side)) / 20.0
    i, j = y.astype(int), x.astype(int)
    v, u = (y - i)[..., None], (x - j)[..., None]
    top = coarse[i, j] * (1 - u) + coarse[i, j + 1] * u
    bottom = coarse[i + 1, j] * (1 - u) + coarse[i + 1, j + 1] * u
    image = top * (1 - v) + bottom * v + rng.normal(0, 3, (side, side, 3))
    pixels: Image = image.clip(0, 255).astype(np.uint8)
    return pixels


@pytest.fixture(scope="session")
def make_image() -> Callable[[Rng], Image]:
    return smooth_image


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of twenty smooth coloured images in two sub-folders."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("images")
    for number in range(20):
        target = path / f"set{number % 2}" / f"{number:02}.png"
        target.parent.mkdir(exist_ok=True)
        imagecodecs.imwrite(target, smooth_image(rng))
    return path


@pytest.fixture(scope="module")
def crops(folder: Path) -> "Crops":
    from numcodecs_neural.training.data import Crops
    from numcodecs_neural.training.sources import load_images

    return Crops(load_images(folder).sets, 3)


@pytest.fixture(scope="session")
def small_shape() -> "Shape":
    """Return a shape like that of the fast model, with very few channels."""
    model = pytest.importorskip("numcodecs_neural.training.model", reason="training needs torch")
    shape: Shape = model.PRESETS["he-fast"]
    groups = tuple(6 + 2 * number for number in range(len(shape.groups)))
    return replace(shape, groups=groups, hyper=4, features=8)
