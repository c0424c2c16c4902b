"""Levels, chunks and regions of a pyramid: integers only, no pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    "keep_levels",
    "plan_levels",
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
    down_y, down_x : tuple of int
        Pixels of level 0 along one of its own, as a fraction (numerator, denominator).
    """

    level: int
    height: int
    width: int
    chunk_px: int
    region_px: int
    step: int = 2
    down_y: Fraction = (1, 1)
    down_x: Fraction = (1, 1)

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
    """Return the grids of levels that are reduced from level 0, which comes first.

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
    sizes = [shape]
    while levels is None and max(sizes[-1]) > chunk_px:
        sizes.append(_reduced(sizes[-1], step))
    while levels is not None and len(sizes) < levels:
        if sizes[-1] == (1, 1):
            raise ConfigError(
                f"levels is {levels}, and a slide of {shape[1]} x {shape[0]} pixels has at most "
                f"{len(sizes)}"
            )
        sizes.append(_reduced(sizes[-1], step))
    return tuple(
        LevelGrid(
            level=n,
            height=h,
            width=w,
            chunk_px=chunk_px,
            region_px=region_px,
            step=step,
            down_y=(step**n, 1),
            down_x=(step**n, 1),
        )
        for n, (h, w) in enumerate(sizes)
    )


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
        LevelGrid(
            level=n,
            height=height,
            width=width,
            chunk_px=chunk_px,
            region_px=region_px,
            down_y=(shapes[0][0], height),
            down_x=(shapes[0][1], width),
        )
        for n, (height, width) in enumerate(shapes)
    )


def _reduced(shape: tuple[int, int], step: int) -> tuple[int, int]:
    """Return the size of the next level: a part of a pixel at the edge counts as one."""
    return ceil_div(shape[0], step), ceil_div(shape[1], step)


def cells_where(chosen: NDArray[np.bool_]) -> list[Cell]:
    """Return (row, column) of all that is True in (..., row, column), in order."""
    return [(int(row), int(column)) for *_, row, column in np.argwhere(chosen)]


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)
