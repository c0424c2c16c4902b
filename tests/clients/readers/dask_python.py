"""dask: an array of a level, by its path inside the store."""

from collections.abc import Callable
from typing import Any

import dask.array


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    return lambda level, y, x: dask.array.from_zarr(location, str(level))[:, y, x].compute()
