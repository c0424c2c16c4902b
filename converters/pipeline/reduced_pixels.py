"""ReducedPixels: pixels of written regions, reduced, until the next level is written.

One file of raw samples for each region, which appears whole or not at all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder

from ..geometry.axes import Frame
from ..geometry.downsample import halve_again, halve_pixels, last_shares, reduced_dtype
from ..geometry.levels import Cell, LevelGrid, ceil_div

__all__ = ["ReducedPixels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedPixels:
    """Reduced pixels of all levels, in files.

    Parameters
    ----------
    folder : Folder
        The folder of these files.
    grids : tuple of LevelGrid
        All levels, of which some are reduced from the one before.
    samples : int
        Samples of a pixel.
    dtype : numpy.dtype
        Of the slide's samples.
    """

    folder: Folder
    grids: tuple[LevelGrid, ...]
    samples: int
    dtype: "np.dtype[Any]"

    def is_wanted(self, level: int) -> bool:
        """Return whether the next level is reduced from this one."""
        return level + 1 < len(self.grids) and self.grids[level + 1].is_reduced

    def leave(self, level: int, frame: Frame, cell: Cell, pixels: NDArray[Any]) -> None:
        """Keep a region of a level, reduced for the next; nothing if `is_wanted` says so.

        Parameters
        ----------
        pixels : ndarray
            (sample, y, x): raw pixels of a level of the source, of others what `collect` returned.
        """
        if not self.is_wanted(level):
            return
        base = max(index for index in range(level + 1) if not self.grids[index].is_reduced)
        scale = math.prod(grid.step for grid in self.grids[base + 1 : level + 1])
        region, whole = self.grids[level].region(cell), self.grids[base]
        extent = (
            min(region.height * scale, whole.height - region.y * scale),
            min(region.width * scale, whole.width - region.x * scale),
        )
        end = scale * self.grids[level + 1].step
        while scale < end:
            last = last_shares(extent, scale)
            pixels = halve_pixels(pixels) if scale == 1 else halve_again(pixels, last)
            scale *= 2
        self.folder.write(_name(level, frame, cell), pixels.tobytes())

    def collect(
        self, level: int, frame: Frame, cell: Cell, *, make: Callable[[Cell], None]
    ) -> NDArray[Any]:
        """Return a region's reduced pixels, (sample, y, x), as the finer regions left them.

        Parameters
        ----------
        make : callable
            Called with a finer region that left none, or whose pixels are lost: leaves them.
        """
        grid, finer = self.grids[level], self.grids[level - 1]
        outer = grid.region(cell)
        pixels = np.empty((self.samples, outer.height, outer.width), reduced_dtype(self.dtype))
        for under in grid.finer_regions(cell, finer):
            piece = self._piece(level - 1, frame, under, grid.step)
            if piece is None:
                make(under)
                piece = self._piece(level - 1, frame, under, grid.step)
            assert piece is not None, "make leaves the pixels"
            y = finer.region(under).y // grid.step - outer.y
            x = finer.region(under).x // grid.step - outer.x
            pixels[:, y : y + piece.shape[1], x : x + piece.shape[2]] = piece
        return pixels

    def clear(self, level: int, frame: Frame, cell: Cell) -> None:
        """Delete what a region is reduced from, once it is stored."""
        for under in self.grids[level].finer_regions(cell, self.grids[level - 1]):
            self.folder.delete(_name(level - 1, frame, under))

    def _piece(self, level: int, frame: Frame, cell: Cell, step: int) -> NDArray[Any] | None:
        region = self.grids[level].region(cell)
        shape = self.samples, ceil_div(region.height, step), ceil_div(region.width, step)
        content = self.folder.read(_name(level, frame, cell))
        if content is None:
            return None
        return np.frombuffer(content, reduced_dtype(self.dtype)).reshape(shape)


def _name(level: int, frame: Frame, cell: Cell) -> str:
    return f"{level}/{'.'.join(map(str, (*frame, *cell)))}"
