"""zarr-python: a level is an array of the group."""

from collections.abc import Callable
from typing import Any

import zarr


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    group: Any = zarr.open_group(location, mode="r")
    return lambda level, y, x: group[str(level)][:, y, x]
