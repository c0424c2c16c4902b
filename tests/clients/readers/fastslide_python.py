"""fastslide, with which wsidata and LazySlide read OME-Zarr."""

from collections.abc import Callable
from typing import Any

import fastslide


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    slide = fastslide.FastSlide.from_file_path(location)

    def read(level: int, y: slice, x: slice) -> Any:
        size = (x.stop - x.start, y.stop - y.start)
        return slide.read_region((x.start, y.start), level, size).numpy().transpose(2, 0, 1)

    return read
