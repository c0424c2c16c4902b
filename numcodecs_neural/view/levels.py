"""Levels as the page shows them: those of the slide, and a small one where it has none."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.axes import Frame
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.report.pictures import reduced_by
from numcodecs_neural.converters.sources import SlideSource
from numcodecs_neural.errors import SourceError

__all__ = ["TILE_PX", "ShownLevel", "ShownLevels"]

TILE_PX = 512
# A level this small is drawn at once when the page opens.
_SMALL_PX = 2048
# Read to make a small level of: half a minute of JPEG tiles.
_READABLE_PIXELS = 1 << 30
_STRIP_PX = 1024


@dataclass(frozen=True, slots=True)
class ShownLevel:
    """Size of a level, and side of its tiles, in pixels."""

    height: int
    width: int
    tile_px: int = TILE_PX

    def tile(self, row: int, column: int) -> Region | None:
        """Return the pixels of a tile, cut at the edge; None where there is no such tile."""
        side = self.tile_px
        y, x = row * side, column * side
        if not (0 <= y < self.height and 0 <= x < self.width):
            return None
        return Region(y, x, min(side, self.height - y), min(side, self.width - x))


class ShownLevels:
    """The levels of a slide, largest first; the last fits a screen.

    Where the slide's own last level does not, it is averaged over areas into one that does, at its
    first use.

    Parameters
    ----------
    source : SlideSource
    tile_px : sequence of int
        Side of the tiles of each of its levels: what it decodes at once.

    Raises
    ------
    SourceError
        If there is no small level, and the last is too large to make one of.
    """

    def __init__(self, source: SlideSource, tile_px: Sequence[int]) -> None:
        self._source = source
        self.sizes = [
            ShownLevel(height, width, side)
            for (height, width), side in zip(source.info.level_shapes, tile_px, strict=True)
        ]
        last = self.sizes[-1]
        self._factor = -(-max(last.height, last.width) // _SMALL_PX)
        self._small: dict[Frame, NDArray[Any]] = {}
        self._lock = threading.Lock()
        if self._factor > 1:
            if last.height * last.width > _READABLE_PIXELS:
                raise SourceError(
                    f"{source.info.name} has no level smaller than {last.width} x {last.height} "
                    "pixels to be shown whole: convert it first, and view the store"
                )
            small = (-(-last.height // self._factor), -(-last.width // self._factor))
            self.sizes.append(ShownLevel(*small))

    def read(self, level: int, region: Region, frame: Frame) -> NDArray[Any]:
        """Return pixels (height, width, samples) of a level of `sizes`; raises SourceError."""
        if level < len(self._source.info.level_shapes):
            pixels: NDArray[Any] = self._source.read_region(region, level, frame)
            return pixels
        with self._lock:
            if frame not in self._small:
                self._small[frame] = self._averaged(frame)
        small: NDArray[Any] = self._small[frame][region.slices]
        return small

    def _averaged(self, frame: Frame) -> NDArray[Any]:
        level = len(self._source.info.level_shapes) - 1
        height, width = self._source.info.level_shapes[level]
        read = partial(self._source.read_region, level=level, frame=frame)
        step = max(_STRIP_PX // self._factor, 1) * self._factor
        strips = [
            reduced_by(read(Region(y, 0, min(step, height - y), width)), self._factor)
            for y in range(0, height, step)
        ]
        averaged = np.concatenate(strips)
        dtype = self._source.info.dtype
        return (averaged if dtype.kind == "f" else np.rint(averaged)).astype(dtype)
