"""Small pictures of a whole slide, of its original pixels or of those in the store."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import Region, ceil_div
from ..sources import Frame, SlideSource
from .pictures import reduced_by
from .stored_slide import StoredSlide, small_level

__all__ = ["SIDE_PX", "frames_shown", "original_overview", "stored_overview"]

# Longest side of a small picture, at most.
SIDE_PX = 720
# Side of the squares that are read at a time.
_BLOCK_PX = 2048
_MOST_FRAMES = 8

# region, level -> (h, w, c)
_Read = Callable[[Region, int], NDArray[Any]]


def original_overview(source: SlideSource, frame: Frame) -> NDArray[np.float32]:
    """Return the original pixels of a frame, (h, w, c), from the smallest level that is enough."""

    def read(region: Region, level: int) -> NDArray[Any]:
        return source.read_region(region, level, frame)

    return _overview(read, list(source.info.level_shapes))


def stored_overview(stored: StoredSlide, frame: Frame) -> NDArray[np.float32]:
    """Return what a reader of the store gets of a frame, (h, w, c)."""

    def read(region: Region, level: int) -> NDArray[Any]:
        return stored.read(region, level, frame)

    return _overview(read, [(grid.height, grid.width) for grid in stored.grids])


def frames_shown(stored: StoredSlide) -> list[tuple[str, tuple[float, float], Frame]]:
    """Return name, window and frame of the first plane of each channel, of eight at most."""
    if stored.axes.samples == 3:
        # All three have the same window.
        return [("", stored.channels[0][1], stored.first_frame)]
    return [
        (
            name,
            window,
            tuple(number if axis == "c" else 0 for axis, _ in stored.axes.frames),
        )
        for number, (name, window) in enumerate(stored.channels[:_MOST_FRAMES])
    ]


def _overview(read: _Read, shapes: list[tuple[int, int]]) -> NDArray[np.float32]:
    """Read a level square by square: memory does not grow with it."""
    level = small_level(shapes, SIDE_PX)
    height, width = shapes[level]
    factor = ceil_div(max(height, width), SIDE_PX)
    block = ceil_div(_BLOCK_PX, factor) * factor
    strips = []
    for y in range(0, height, block):
        row = []
        for x in range(0, width, block):
            region = Region(y, x, min(block, height - y), min(block, width - x))
            row.append(reduced_by(read(region, level), factor))
        strips.append(np.concatenate(row, axis=1))
    return np.concatenate(strips, axis=0)
