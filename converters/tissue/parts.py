"""Connected parts of a mask, by runs of pixels in its rows."""

from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["parts_apart", "without_holes", "without_specks"]

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
    runs = _Runs.of(mask)
    areas = np.zeros(len(runs.parts), np.int64)
    np.add.at(areas, runs.parts, runs.ends - runs.starts)
    return runs.painted(areas[runs.parts] >= area)


def parts_apart(mask: Mask, others: Mask) -> Mask:
    """Return those connected parts of `mask` in which nothing is one of `others`.

    Examples
    --------
    >>> mask, others = np.array([[1, 1, 0, 1]], bool), np.array([[0, 1, 0, 0]], bool)
    >>> parts_apart(mask, others).astype(int)
    array([[0, 0, 0, 1]])
    """
    runs = _Runs.of(mask)
    before = np.concatenate([[0], np.cumsum(_with_gap(others).ravel())])
    holds_one = np.zeros(len(runs.parts), bool)
    np.logical_or.at(holds_one, runs.parts, before[runs.ends] > before[runs.starts])
    return runs.painted(~holds_one[runs.parts])


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


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """The runs of a mask's rows: first pixel, one past the last, and the first run of the part."""

    shape: tuple[int, int]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    parts: NDArray[np.intp]

    @classmethod
    def of(cls, mask: Mask) -> "_Runs":
        flat = _with_gap(mask).ravel()
        change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if flat.size and flat[0]:
            change = np.concatenate([[0], change])
        starts, ends = change[0::2], change[1::2]
        height, width = mask.shape
        return cls((height, width), starts, ends, _parts(starts, ends, width + 1))

    def painted(self, is_kept: Mask) -> Mask:
        """Return a mask of some of the runs."""
        height, width = self.shape
        steps = np.zeros(height * (width + 1) + 1, np.int8)
        steps[self.starts[is_kept]] = 1
        steps[self.ends[is_kept]] = -1
        kept: Mask = np.cumsum(steps[:-1], dtype=np.int8).astype(bool).reshape(height, width + 1)
        return kept[:, :width]


def _with_gap(mask: Mask) -> Mask:
    """Return `mask` with one column more, so that no run goes on in the next row."""
    return np.pad(mask, [(0, 0), (0, 1)])


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
