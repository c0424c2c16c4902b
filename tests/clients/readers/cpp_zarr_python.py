"""cpp-zarr, in C++, by its Python: a level is read by its own path, from corner to corner."""

from collections.abc import Callable
from typing import Any

import cppzarr


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""

    def read(level: int, y: slice, x: slice) -> Any:
        path = f"{location}/{level}"
        channels = cppzarr.read_zarr(path, [0, 0, 0], [0, 0, 0]).shape[0]
        return cppzarr.read_zarr(path, [0, y.start, x.start], [channels, y.stop, x.stop])

    return read
