"""tensorstore: a level is opened by its own address, with the driver of its Zarr format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorstore


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    address = location if "://" in location else Path(location).as_uri()
    return lambda level, y, x: level_of(f"{address}/{level}/")[:, y, x].read().result()


def level_of(address: str) -> Any:
    """Return the array at an address, of either Zarr format."""
    try:
        return tensorstore.open({"driver": "zarr3", "kvstore": address}).result()
    except ValueError as refused:
        if "NOT_FOUND" not in str(refused):
            raise
        return tensorstore.open({"driver": "zarr", "kvstore": address}).result()
