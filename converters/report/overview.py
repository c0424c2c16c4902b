"""Small pictures of a whole slide, from its source or from its store."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import Region, ceil_div
from ..sources import Frame
from .pictures import DisplayRange, Picture, displayed, reduced_by
from .stored_slide import StoredSlide, small_level

__all__ = ["SIDE_PX", "overviews", "read_reduced"]

# Longest side of a small picture, at most.
SIDE_PX = 720
# Side of the squares that are read at a time.
_BLOCK_PX = 2048
_MOST_CHANNELS = 8

# region, level, frame -> (h, w, c)
Read = Callable[[Region, int, Frame], NDArray[Any]]
Shapes = Sequence[tuple[int, int]]


def overviews(stored: StoredSlide, read: Read, shapes: Shapes) -> list[tuple[str, Picture]]:
    """Return name and picture of the first plane of each channel, of eight at most.

    Parameters
    ----------
    read : callable
        Returns pixels of the source or of the store.
    shapes : sequence of tuple of int
        (height, width) of each level that `read` knows.
    """
    return [
        (name, displayed(read_reduced(read, shapes, frame), display_range))
        for name, display_range, frame in _channels(stored)
    ]


def read_reduced(read: Read, shapes: Shapes, frame: Frame) -> NDArray[np.float32]:
    """Return a frame, (h, w, c), from the smallest level that is enough.

    The level is read square by square: memory does not grow with it.
    """
    level = small_level(shapes, SIDE_PX)
    height, width = shapes[level]
    factor = ceil_div(max(height, width), SIDE_PX)
    block = ceil_div(_BLOCK_PX, factor) * factor
    strips = []
    for y in range(0, height, block):
        row = []
        for x in range(0, width, block):
            region = Region(y, x, min(block, height - y), min(block, width - x))
            row.append(reduced_by(read(region, level, frame), factor))
        strips.append(np.concatenate(row, axis=1))
    return np.concatenate(strips, axis=0)


def _channels(stored: StoredSlide) -> list[tuple[str, DisplayRange, Frame]]:
    if stored.axes.samples == 3:
        # All three have the same display range.
        return [("", stored.channels[0][1], stored.first_frame)]
    return [
        (name, display_range, tuple(n if axis == "c" else 0 for axis, _ in stored.axes.frames))
        for n, (name, display_range) in enumerate(stored.channels[:_MOST_CHANNELS])
    ]
