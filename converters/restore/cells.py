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
        self._dc = constant_coefficients(fill, tiling.colour, tiling.steps)
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
        rows, columns = (self._count(axis, cell[axis]) for axis in (0, 1))
        frame = self._tiling.frame
        shapes = [frame.block_shape(component) for component in frame.components]
        canvas = tuple(
            np.zeros((rows * height, columns * width, 64), np.int16) for height, width in shapes
        )
        for blocks, dc in zip(canvas, self._dc, strict=True):
            blocks[..., 0] = dc
        steps = self._paste_chunks(canvas, cell)
        return [
            [Tile(self._cut(canvas, row, column), steps) for column in range(columns)]
            for row in range(rows)
        ]

    def _count(self, axis: int, place: int) -> int:
        """Return how many tiles a cell has along an axis."""
        tiling = self._tiling
        begin = place * self._sides[axis]
        end = min(begin + self._sides[axis], tiling.shape.level[axis])
        return -(-(end - begin) // tiling.tile[axis])

    def _paste_chunks(self, canvas: Coefficients, cell: Sides) -> tuple[tuple[int, ...], ...]:
        """Paste all chunks of a cell; return their quantisation steps."""
        steps = None
        for row, column in self._chunks(cell):
            mosaic = self._read((row, column))
            if mosaic is None:
                continue
            self._tiling.check(mosaic, (row, column))
            begin = [
                place * chunk - at * side
                for place, chunk, at, side in zip(
                    (row, column), self._tiling.shape.chunk, cell, self._sides, strict=True
                )
            ]
            self._paste(canvas, mosaic, (begin[0], begin[1]))
            if steps not in (None, mosaic.steps):
                raise NotTilesError("its chunks have different quantisation steps within one JPEG")
            steps = mosaic.steps
        return steps or self._tiling.steps

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
        (height, width) = self._tiling.unit
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
