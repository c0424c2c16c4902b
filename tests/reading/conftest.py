"""OME-Zarr images that are written by zarr alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from tests.annotations import Image, Rng
from tests.reading.images import WriteImage, metadata


@pytest.fixture
def pixels(rng: Rng) -> Image:
    """Return an image (c, y, x) whose sides are no multiples of its chunks."""
    return rng.integers(0, 256, (3, 75, 103), dtype=np.uint8)


@pytest.fixture
def write_image(tmp_path: Path) -> WriteImage:
    """Return a function that writes levels (c, y, x) as an image, in chunks of (3, 32, 32)."""

    def write(*levels: NDArray[Any], name: str = "image.ome.zarr", **options: Any) -> Path:
        path = tmp_path / name
        format_ = options.pop("zarr_format", 3)
        layout: dict[str, Any] = {"chunks": (3, 32, 32), "fill_value": 255} | options
        group = zarr.open_group(path, mode="w", zarr_format=format_)
        for number, level in enumerate(levels):
            array = group.create_array(str(number), shape=level.shape, dtype=level.dtype, **layout)
            array[...] = level
        group.update_attributes(metadata(len(levels), format_))
        return path

    return write
