"""Reads the overview: a small RGB picture of the whole slide."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.downsample import reduce_pixels, to_pixels
from ..geometry.levels import Region
from ..sources import SlideSource

__all__ = ["Overview", "luma", "read_overview"]

# An overview's pixel is at least 8 x 8 of level 0, so that cells are small in it whatever the
# slide, and as many more as make its longest side at most 2048.
OVERVIEW_DOWNSAMPLE = 8
OVERVIEW_PX = 2048
# Side of the squares that are read at a time.
_BLOCK_PX = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A small picture of the whole slide.

    Parameters
    ----------
    pixels : ndarray
        Shape (height, width, 3), uint8.
    slide_shape : tuple of int
        Height and width of level 0, which the picture covers.
    """

    pixels: NDArray[np.uint8]
    slide_shape: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture, and of every mask of it."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def downsample(self) -> float:
        """Pixels of level 0 along one pixel of the picture."""
        return float(max(self.slide_shape) / max(self.shape))


def read_overview(source: SlideSource, *, workers: int = 1) -> Overview:
    """Read a small picture of an RGB slide, from its smallest level that is large enough.

    A slide without small levels is read once for this, square by square. Of a slide with several
    planes or times, those in the middle are read.

    Parameters
    ----------
    source : SlideSource
        The slide.
    workers : int
        Squares in work at a time.
    """
    shapes = source.info.level_shapes
    wanted = min(OVERVIEW_PX, -(-max(shapes[0]) // OVERVIEW_DOWNSAMPLE))
    enough = [n for n, shape in enumerate(shapes) if 2 * max(shape) > wanted]
    level = max(enough, key=lambda n: -max(shapes[n]))
    height, width = shapes[level]
    halvings = 0
    while max(height, width) > wanted << halvings:
        halvings += 1
    frame = tuple(length // 2 for length in source.info.frame_shape)
    step = 1 << halvings
    shape = (-(-height // step), -(-width // step), 3)
    pixels = np.empty(shape, np.uint8)
    # Whole groups of pixels in every square, however often it is halved.
    block = max(_BLOCK_PX, step)
    corners = [(y, x) for y in range(0, height, block) for x in range(0, width, block)]

    def read(corner: tuple[int, int]) -> None:
        y, x = corner
        region = Region(y, x, min(block, height - y), min(block, width - x))
        reduced = _reduced(source.read_region(region, level, frame), halvings)
        top, left = y // step, x // step
        pixels[top : top + reduced.shape[0], left : left + reduced.shape[1]] = reduced

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(read, corners))
    return Overview(pixels, source.info.shape)


def luma(pixels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return how bright each pixel of (..., 3) is, 0 to 255.

    Examples
    --------
    >>> luma(np.array([[255, 255, 255], [255, 0, 0]]))
    array([255,  76], dtype=int32)
    """
    total = pixels[..., 0].astype(np.int32) * 77
    total += pixels[..., 1].astype(np.int32) * 150
    total += pixels[..., 2].astype(np.int32) * 29
    total >>= 8
    return total


def _reduced(pixels: NDArray[np.uint8], halvings: int) -> NDArray[np.uint8]:
    if halvings == 0:
        return pixels
    planes = reduce_pixels(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), halvings)
    return np.moveaxis(to_pixels(planes), 0, -1)
