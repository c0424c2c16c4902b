"""Chunks to the coefficients of tiles: joined where a tile is larger, cut where it is smaller."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg import Coefficients, Component
from numcodecs_neural.jpeg.mosaic import Mosaic

from .fill import constant_coefficients
from .tiling import NotTilesError, Sides, Tiling

__all__ = ["Tile", "tiles_of"]

ReadChunk = Callable[[Sides], Mosaic | None]


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Coefficients of a tile, and their quantisation steps."""

    coefficients: Coefficients
    steps: tuple[tuple[int, ...], ...]


def tiles_of(
    tiling: Tiling,
    read: ReadChunk,
    encode: Callable[[Tile], bytes],
    *,
    fill: tuple[int, ...],
    workers: int,
) -> Iterator[bytes]:
    """Yield the tiles of a level, encoded, row by row.

    Parameters
    ----------
    tiling : Tiling
        The tiles.
    read : callable
        Returns the JPEG tiles of the chunk at (row, column); None where it is not stored.
    encode : callable
        Returns the bytes of a tile; called in threads.
    fill : tuple of int
        Samples of what is not stored.
    workers : int
        Threads.

    Raises
    ------
    NotTilesError
        If chunks do not fit into the tiles.
    """
    reader = _CellReader(tiling, read, fill)
    rows, columns = reader.grid

    def encoded(cell: Sides) -> list[list[bytes]]:
        return [[encode(tile) for tile in line] for line in reader.tiles(cell)]

    with ThreadPoolExecutor(workers) as pool:
        for row in range(rows):
            # A row of cells at a time: all that waits in memory are its encoded tiles.
            cells = list(pool.map(encoded, [(row, column) for column in range(columns)]))
            for lines in zip(*cells, strict=True):
                for line in lines:
                    yield from line


class _CellReader:
    """Cells: the least rectangles that are whole chunks and whole tiles."""

    def __init__(self, tiling: Tiling, read: ReadChunk, fill: tuple[int, ...]) -> None:
        self._tiling, self._read = tiling, read
        self._fill = fill
        pairs = zip(tiling.shape.chunk, tiling.tile, strict=True)
        self._sides = [max(chunk, tile) for chunk, tile in pairs]

    @property
    def grid(self) -> Sides:
        """Rows and columns of cells."""
        pairs = zip(self._tiling.shape.level, self._sides, strict=True)
        rows, columns = (-(-level // side) for level, side in pairs)
        return rows, columns

    def tiles(self, cell: Sides) -> list[list[Tile]]:
        """Return the tiles of a cell, row by row."""
        chunks = list(self._read_chunks(cell))
        found = {mosaic.steps for _, mosaic in chunks} or {self._tiling.steps}
        if len(found) > 1:
            raise NotTilesError("its chunks have different quantisation steps within one JPEG")
        (steps,) = found
        rows, columns = (self._count(axis, cell[axis]) for axis in (0, 1))
        canvas = self._blank(rows, columns, steps)
        for begin, mosaic in chunks:
            self._paste(canvas, mosaic, begin)
        return [
            [Tile(self._cut(canvas, row, column), steps) for column in range(columns)]
            for row in range(rows)
        ]

    def _blank(self, rows: int, columns: int, steps: tuple[tuple[int, ...], ...]) -> Coefficients:
        """Return tiles of the colour of what is not stored."""
        frame = self._tiling.frame
        canvas = []
        constant = constant_coefficients(self._fill, self._tiling.colour, steps)
        for component, dc in zip(frame.components, constant, strict=True):
            height, width = frame.block_shape(component)
            blocks = np.zeros((rows * height, columns * width, 64), np.int16)
            blocks[..., 0] = dc
            canvas.append(blocks)
        return tuple(canvas)

    def _count(self, axis: int, place: int) -> int:
        """Return how many tiles a cell has along an axis."""
        tiling = self._tiling
        begin = place * self._sides[axis]
        end = min(begin + self._sides[axis], tiling.shape.level[axis])
        return -(-(end - begin) // tiling.tile[axis])

    def _read_chunks(self, cell: Sides) -> Iterator[tuple[Sides, Mosaic]]:
        """Yield where in a cell its stored chunks begin, in pixels, and what they hold."""
        height, width = self._tiling.shape.chunk
        for row, column in self._chunks(cell):
            mosaic = self._read((row, column))
            if mosaic is not None:
                self._tiling.check(mosaic, (row, column))
                y, x = (at * side for at, side in zip(cell, self._sides, strict=True))
                yield (row * height - y, column * width - x), mosaic

    def _chunks(self, cell: Sides) -> Iterator[Sides]:
        shape = self._tiling.shape
        spans = []
        for axis in (0, 1):
            per_cell = -(-self._sides[axis] // shape.chunk[axis])
            count = -(-shape.level[axis] // shape.chunk[axis])
            first = cell[axis] * per_cell
            spans.append(range(first, min(first + per_cell, count)))
        for row in spans[0]:
            for column in spans[1]:
                yield row, column

    def _paste(self, canvas: Coefficients, mosaic: Mosaic, begin: Sides) -> None:
        """Paste a chunk's own blocks, without what a window has around them."""
        absent = constant_coefficients(mosaic.fill, mosaic.colour, mosaic.steps)
        for position, component in enumerate(mosaic.frame.components):
            source, target = mosaic.coefficients[position], canvas[position]
            if not mosaic.present.all():
                source = _filled(source, mosaic.present, absent[position])
            y, x = self._in_blocks(mosaic.offset, component)
            height, width = self._in_blocks(self._tiling.shape.chunk, component)
            own = source[y : y + height, x : x + width]
            row, column = self._in_blocks(begin, component)
            room = target[row : row + height, column : column + width]
            rows, columns = min(len(own), len(room)), min(own.shape[1], room.shape[1])
            room[:rows, :columns] = own[:rows, :columns]

    def _in_blocks(self, pixels: Sides, component: Component) -> Sides:
        """Return blocks of a component along both sides of whole units."""
        height, width = self._tiling.unit
        return pixels[0] // height * component.vertical, pixels[1] // width * component.horizontal

    def _cut(self, canvas: Coefficients, row: int, column: int) -> Coefficients:
        parts = []
        for component, blocks in zip(self._tiling.frame.components, canvas, strict=True):
            height, width = self._tiling.frame.block_shape(component)
            parts.append(blocks[row * height :, column * width :][:height, :width])
        return tuple(parts)


def _filled(blocks: NDArray[np.int16], present: NDArray[np.bool_], dc: int) -> NDArray[np.int16]:
    """Return blocks with those of absent tiles made constant."""
    rows, columns = (blocks.shape[axis] // present.shape[axis] for axis in (0, 1))
    absent = ~present.repeat(rows, 0).repeat(columns, 1)
    filled = blocks.copy()
    filled[absent] = 0
    filled[absent, 0] = dc
    return filled
