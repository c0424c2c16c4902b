"""Levels, chunks and regions of a pyramid: integers only, no pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

from numcodecs_neural.errors import ConfigError

__all__ = ["Cell", "LevelGrid", "Region", "ceil_div", "halve", "plan_levels"]

Cell = tuple[int, int]


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
        0 is full resolution; a pixel of level n stands for 2^n x 2^n of them.
    height, width : int
        Size in pixels.
    chunk_px, region_px : int
        Sides of chunks and of regions; a region is whole chunks, and of even side.
    """

    level: int
    height: int
    width: int
    chunk_px: int
    region_px: int

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
            for row in range(2 * cell[0], min(2 * cell[0] + 2, rows))
            for column in range(2 * cell[1], min(2 * cell[1] + 2, columns))
        ]

    def _square(self, cell: Cell, side: int) -> Region:
        y, x = cell[0] * side, cell[1] * side
        return Region(y, x, min(side, self.height - y), min(side, self.width - x))


def plan_levels(
    shape: tuple[int, int], *, levels: int | None, chunk_px: int, region_px: int
) -> tuple[LevelGrid, ...]:
    """Return the grids of all levels, level 0 first.

    Parameters
    ----------
    shape : tuple of int
        Height and width of level 0.
    levels : int, optional
        How many; by default as many as it takes until one chunk holds the whole slide.

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
        sizes.append(halve(sizes[-1]))
    while levels is not None and len(sizes) < levels:
        if sizes[-1] == (1, 1):
            raise ConfigError(
                f"levels is {levels}, and a slide of {shape[1]} x {shape[0]} pixels has at most "
                f"{len(sizes)}"
            )
        sizes.append(halve(sizes[-1]))
    return tuple(
        LevelGrid(level=n, height=h, width=w, chunk_px=chunk_px, region_px=region_px)
        for n, (h, w) in enumerate(sizes)
    )


def halve(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the next level: a half pixel at an odd edge counts as one."""
    return ceil_div(shape[0], 2), ceil_div(shape[1], 2)


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)
