"""Levels, chunks and regions of a pyramid: integers only, no pixels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError

__all__ = [
    "Cell",
    "Fraction",
    "LevelGrid",
    "Region",
    "ceil_div",
    "cells_where",
    "keep_level",
    "keep_levels",
    "plan_levels",
    "reduced_levels",
]

Cell = tuple[int, int]
Fraction = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in the pixels of one level."""

    y: int
    x: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the region in an array that ends in y, x."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def relative_to(self, outer: "Region") -> "Region":
        """Return the same rectangle, counted from the corner of `outer`."""
        return Region(self.y - outer.y, self.x - outer.x, self.height, self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelGrid:
    """One level: its size, its chunks, and its regions, which are what one task writes.

    Parameters
    ----------
    level : int
        0 is full resolution.
    height, width : int
        Size in pixels.
    chunk_px, region_px : int
        Sides of chunks and of regions; a region is whole chunks, and of even side.
    step : int
        How many times smaller it is than the next finer level it is reduced from.
    source_level : int, optional
        Level of the source that it is; None if it is reduced from the level before.
    down_y, down_x : tuple of int
        Pixels of level 0 along one of its own, as a fraction (numerator, denominator).
    """

    level: int
    height: int
    width: int
    chunk_px: int
    region_px: int
    step: int = 2
    source_level: int | None = None
    down_y: Fraction = (1, 1)
    down_x: Fraction = (1, 1)

    @property
    def is_reduced(self) -> bool:
        """Whether its pixels are means of those of the level before."""
        return self.source_level is None

    @property
    def downsample(self) -> tuple[float, float]:
        """Pixels of level 0 along one of its own, (y, x)."""
        return self.down_y[0] / self.down_y[1], self.down_x[0] / self.down_x[1]

    @property
    def chunk_grid(self) -> Cell:
        """Rows and columns of chunks."""
        return ceil_div(self.height, self.chunk_px), ceil_div(self.width, self.chunk_px)

    @property
    def region_grid(self) -> Cell:
        """Rows and columns of regions."""
        return ceil_div(self.height, self.region_px), ceil_div(self.width, self.region_px)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def region(self, cell: Cell) -> Region:
        """Return the pixels of the region at (row, column) `cell`."""
        return self._square(cell, self.region_px)

    def chunk(self, cell: Cell) -> Region:
        """Return the pixels of the chunk at (row, column) `cell`, without padding."""
        return self._square(cell, self.chunk_px)

    def pixels_where(self, chosen: NDArray[np.bool_]) -> int:
        """Return how many pixels lie in chunks that are True in `chosen`, (..., row, column)."""
        return sum(self.chunk(cell).pixels for cell in cells_where(chosen))

    def regions(self) -> Iterator[Cell]:
        """Iterate over all regions, row by row."""
        rows, columns = self.region_grid
        return ((row, column) for row in range(rows) for column in range(columns))

    def chunks_of(self, cell: Cell) -> tuple[slice, slice]:
        """Index in the level's grid of chunks of those in the region at `cell`."""
        per_region = self.region_px // self.chunk_px
        rows, columns = self.chunk_grid
        row, column = cell[0] * per_region, cell[1] * per_region
        return (
            slice(row, min(row + per_region, rows)),
            slice(column, min(column + per_region, columns)),
        )

    def finer_regions(self, cell: Cell, finer: "LevelGrid") -> list[Cell]:
        """Return the regions of the next finer level that this level's region is reduced from."""
        rows, columns = finer.region_grid
        return [
            (row, column)
            for row in range(self.step * cell[0], min(self.step * (cell[0] + 1), rows))
            for column in range(self.step * cell[1], min(self.step * (cell[1] + 1), columns))
        ]

    def _square(self, cell: Cell, side: int) -> Region:
        y, x = cell[0] * side, cell[1] * side
        return Region(y, x, min(side, self.height - y), min(side, self.width - x))


def plan_levels(
    shape: tuple[int, int],
    *,
    levels: int | None,
    chunk_px: int,
    region_px: int,
    step: int = 2,
) -> tuple[LevelGrid, ...]:
    """Return the grids of level 0 and of the levels that are reduced from it.

    Parameters
    ----------
    shape : tuple of int
        Height and width of level 0.
    levels : int, optional
        How many; by default as many as it takes until one chunk holds the whole slide.
    step : {2, 4}
        How many times smaller each level is than the one before.

    Raises
    ------
    ConfigError
        If the slide is too small for so many.

    Examples
    --------
    >>> [(g.height, g.width) for g in plan_levels((1301, 900), levels=None, chunk_px=512,
    ...                                           region_px=2048)]
    [(1301, 900), (651, 450), (326, 225)]
    """
    first = keep_level((shape,), 0, chunk_px=chunk_px, region_px=region_px)
    return (first, *reduced_levels(first, levels=levels, step=step))


def keep_levels(
    shapes: tuple[tuple[int, int], ...], *, chunk_px: int, region_px: int
) -> tuple[LevelGrid, ...]:
    """Return the grids of levels that a source has already, largest first.

    Parameters
    ----------
    shapes : tuple
        (height, width) of each; any reduction, the same for height and width or not.
    """
    return tuple(
        keep_level(shapes, level, chunk_px=chunk_px, region_px=region_px)
        for level in range(len(shapes))
    )


def keep_level(
    shapes: tuple[tuple[int, int], ...], level: int, *, chunk_px: int, region_px: int
) -> LevelGrid:
    """Return the grid of one of the levels that a source has already.

    Parameters
    ----------
    shapes : tuple
        (height, width) of each level, largest first.
    level : int
        Which of them it is.
    """
    height, width = shapes[level]
    return LevelGrid(
        level=level,
        height=height,
        width=width,
        chunk_px=chunk_px,
        region_px=region_px,
        source_level=level,
        down_y=(shapes[0][0], height) if level else (1, 1),
        down_x=(shapes[0][1], width) if level else (1, 1),
    )


def reduced_levels(
    last: LevelGrid, *, levels: int | None = None, step: int = 2
) -> tuple[LevelGrid, ...]:
    """Return the grids of the levels that follow `last`, each reduced from the one before.

    Chunks and regions are as large as those of `last`, so that a region is reduced from whole ones.

    Parameters
    ----------
    last : LevelGrid
        The last level that is not reduced.
    levels : int, optional
        How many levels there are to be in all; by default as many as it takes until one chunk
        holds the whole slide.
    step : {2, 4}
        How many times smaller each level is than the one before.

    Raises
    ------
    ConfigError
        If the slide is too small for so many.
    """
    grids = [last]
    while levels is None and max(grids[-1].height, grids[-1].width) > last.chunk_px:
        grids.append(_reduced(grids[-1], step))
    while levels is not None and grids[-1].level + 1 < levels:
        if (grids[-1].height, grids[-1].width) == (1, 1):
            raise ConfigError(
                f"levels is {levels}, and a slide of {last.width} x {last.height} pixels has at "
                f"most {len(grids)}"
            )
        grids.append(_reduced(grids[-1], step))
    return tuple(grids[1:])


def _reduced(grid: LevelGrid, step: int) -> LevelGrid:
    """Return the next level: a part of a pixel at the edge counts as one."""
    return replace(
        grid,
        level=grid.level + 1,
        height=ceil_div(grid.height, step),
        width=ceil_div(grid.width, step),
        step=step,
        source_level=None,
        down_y=(grid.down_y[0] * step, grid.down_y[1]),
        down_x=(grid.down_x[0] * step, grid.down_x[1]),
    )


def cells_where(chosen: NDArray[np.bool_]) -> list[Cell]:
    """Return (row, column) of all that is True in (..., row, column), in order."""
    return [(int(row), int(column)) for *_, row, column in np.argwhere(chosen)]


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)
