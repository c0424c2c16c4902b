"""Chunks of any layout as planes (n, C, H, W), and the constant margins at their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["constant_box", "to_planes"]

Planes = NDArray[Any]


def to_planes(array: NDArray[Any], channel_axis: int) -> Planes:
    """Return `array` as (n, C, H, W), C-contiguous and in native byte order.

    `channel_axis` is -4, -3, -1, or 0 for arrays without channels; all other axes but y and x
    become the batch.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if channel_axis:
        array = np.moveaxis(array, channel_axis, -3)
    else:
        array = np.expand_dims(array, -3) if array.ndim > 1 else array.reshape(1, 1, -1)
    return np.ascontiguousarray(array.reshape(-1, *array.shape[-3:]))


def constant_box(planes: Planes) -> tuple[tuple[int, int], int]:
    """Return the ``(height, width)`` that remain when a constant margin is cut off, and its value.

    The margin is what Zarr appends to chunks at an array's edge: whole columns at the right and
    rows at the bottom, of one value in all channels. Without one, the box is the whole plane and
    the value 0.
    """
    height, width = planes.shape[-2:]
    value = planes[0, 0, -1, -1]
    other = planes != value
    rows = np.flatnonzero(other.any((0, 1, 3)))
    columns = np.flatnonzero(other.any((0, 1, 2)))
    # Constant altogether: a box of one pixel says so too.
    box = (int(rows[-1]) + 1, int(columns[-1]) + 1) if len(rows) else (1, 1)
    return box, int(value) if box != (height, width) else 0
