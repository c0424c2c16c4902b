"""BioIO, by bioio-ome-zarr: a scene with its levels, as lazy arrays in any order of axes."""

from collections.abc import Callable
from typing import Any

from bioio_ome_zarr import Reader


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    reader = Reader(location)

    def read(level: int, y: slice, x: slice) -> Any:
        reader.set_resolution_level(level)
        return reader.get_image_dask_data("CYX")[:, y, x].compute()

    return read
