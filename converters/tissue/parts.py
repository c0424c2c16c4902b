"""Connected parts of a mask, by runs of pixels in its rows."""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["without_holes", "without_specks"]

Mask = NDArray[np.bool_]


def without_specks(mask: Mask, area: int) -> Mask:
    """Return `mask` without its connected parts of fewer pixels than `area`.

    Pixels that touch at a corner are connected.

    Examples
    --------
    >>> without_specks(np.array([[1, 0, 0, 1], [0, 1, 0, 0]], bool), 2).astype(int)
    array([[1, 0, 0, 0],
           [0, 1, 0, 0]])
    """
    height, width = mask.shape
    # One column more, so that no run goes on in the next row.
    stride = width + 1
    padded = np.zeros((height, stride), bool)
    padded[:, :width] = mask
    flat = padded.ravel()
    change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        change = np.concatenate([[0], change])
    starts, ends = change[0::2], change[1::2]
    parts = _parts(starts, ends, stride)
    areas = np.zeros(len(starts), np.int64)
    np.add.at(areas, parts, ends - starts)
    is_kept = areas[parts] >= area
    steps = np.zeros(flat.size + 1, np.int8)
    steps[starts[is_kept]] = 1
    steps[ends[is_kept]] = -1
    kept: Mask = np.cumsum(steps[:-1], dtype=np.int8).astype(bool).reshape(height, stride)
    return kept[:, :width]


def without_holes(mask: Mask, area: int) -> Mask:
    """Return `mask` with those of its holes filled that have fewer pixels than `area`.

    What reaches the border of the picture is no hole.

    Examples
    --------
    >>> without_holes(np.array([[0, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1]], bool), 4).astype(int)
    array([[0, 1, 1, 1],
           [0, 1, 1, 1],
           [0, 1, 1, 1]])
    """
    # All glass at the border is one part with a frame of more pixels than `area`.
    frame = isqrt(area) // 2 + 1
    inside = slice(frame, -frame)
    outside = without_specks(np.pad(~mask, frame, constant_values=True), area)
    return ~outside[inside, inside]


def _parts(starts: NDArray[np.intp], ends: NDArray[np.intp], stride: int) -> NDArray[np.intp]:
    """Return for each run the first run of the part that it belongs to."""
    # Runs of the next row from one pixel before to one pixel behind.
    first = np.searchsorted(ends, starts + stride, "left")
    behind = np.searchsorted(starts, ends + stride, "right")
    number = np.maximum(behind - first, 0)
    above = np.repeat(np.arange(len(starts)), number)
    offset = np.arange(len(above)) - np.repeat(np.cumsum(number) - number, number)
    below = first[above] + offset
    parts = np.arange(len(starts))
    while True:
        a, b = parts[above], parts[below]
        differs = a != b
        if not differs.any():
            return parts
        a, b = a[differs], b[differs]
        np.minimum.at(parts, np.maximum(a, b), np.minimum(a, b))
        while (parts[parts] != parts).any():
            parts = parts[parts]
