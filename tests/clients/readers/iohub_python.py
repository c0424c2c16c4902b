"""iohub: an image is a position, and its levels are arrays of it."""

from collections.abc import Callable
from typing import Any

from iohub import open_ome_zarr


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    position: Any = open_ome_zarr(location, mode="r")
    return lambda level, y, x: position[str(level)][:, y, x]
