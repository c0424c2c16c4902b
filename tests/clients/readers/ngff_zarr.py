"""ngff-zarr: each image of the multiscales is a lazy array with its axes and scale."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ngff_zarr import from_ngff_zarr


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    images = from_ngff_zarr(location).images
    return lambda level, y, x: np.asarray(images[level].data[:, y, x])
