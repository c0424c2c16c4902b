"""GDAL, here the one inside rasterio: a level is a data set with a band for each channel."""

from collections.abc import Callable
from typing import Any

import rasterio
from rasterio.windows import Window


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    path = f"/vsicurl/{location}" if "://" in location else location

    def read(level: int, y: slice, x: slice) -> Any:
        with rasterio.open(f'ZARR:"{path}":/{level}') as image:
            return image.read(window=Window.from_slices(y, x))

    return read
