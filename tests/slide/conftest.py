"""Small slides in stores, and how numpy sees them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImageCodec
from tests.annotations import Image, Rng
from tests.converters.sources.omezarr_writer import RGB, write_image

# As OpenSlide's own tests have them: level 2 and 3 are not smaller by whole factors.
SIZES = ((300, 250), (150, 125), (75, 62), (37, 31))
OWN_CODEC: dict[str, Any] = {
    "chunks": (3, 64, 64),
    "serializer": NeuralImageCodec(max_error=0),
    "compressors": None,
}

WriteSlide = Callable[..., Path]


@pytest.fixture
def levels(rng: Rng) -> list[Image]:
    """Return levels (3, y, x) of random pixels."""
    return [rng.integers(0, 256, (3, height, width), dtype=np.uint8) for width, height in SIZES]


@pytest.fixture
def write_slide(tmp_path: Path) -> WriteSlide:
    """Return a function that writes levels as an image of OME-Zarr."""

    def write(levels: list[NDArray[Any]], axes: str = "cyx", **options: Any) -> Path:
        path: Path = tmp_path / options.pop("name", "slide.ome.zarr")
        group = zarr.open_group(path, mode="w", zarr_format=options.pop("zarr_format", 3))
        options = {"fill_value": 255} | options
        if axes == "cyx" and levels[0].shape[0] == 3:
            options.setdefault("omero", {"channels": RGB})
        write_image(group, levels, axes, **options)
        return path

    return write


@pytest.fixture
def store(levels: list[Image], write_slide: WriteSlide) -> Path:
    return write_slide(levels)
