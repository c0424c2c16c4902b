"""What is really in a store: the bytes of each chunk, and which chunks are looked at again."""

import hashlib
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from .axes import Axes
from .geometry import Cell, LevelGrid, ceil_div
from .place import Folder
from .sources import Frame

__all__ = ["chunk_nbytes", "pick_samples"]

_EMPTY = np.iinfo(np.uint64).max
# Enough for a tenth of a decibel on slides of many kinds; and of small levels no more than one
# chunk in 32, for measuring costs more than coding.
SAMPLES_PER_LEVEL, CHUNKS_PER_SAMPLE = 24, 32


def chunk_nbytes(
    store: Folder,
    array: zarr.Array[Any],
    grid: LevelGrid,
    cell: Cell,
    *,
    axes: Axes,
    frame: Frame,
) -> tuple[NDArray[np.int64], int]:
    """Return the size of each chunk of a region, and of the files that hold them.

    Parameters
    ----------
    store : Folder
        Root of the store.
    array : zarr.Array
        The level that `grid` describes.
    cell : tuple of int
        (row, column) of the region.
    axes : Axes
        Those of the array.
    frame : tuple of int
        Which frame's region.

    Returns
    -------
    sizes : ndarray
        In the shape of the region's grid of chunks; 0 where nothing is stored.
    total : int
        Bytes of the files, shard index included.
    """
    rows, columns = grid.chunks_of(cell)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    if array.shards is None:
        sizes = np.zeros(shape, np.int64)
        for row, column in np.ndindex(shape):
            chunk = axes.chunk_index(frame, (rows.start + row, columns.start + column))
            sizes[row, column] = store.size(_file(array, chunk))
        return sizes, int(sizes.sum())
    file = _file(array, axes.chunk_index(frame, cell))
    total = store.size(file)
    if total == 0:
        return np.zeros(shape, np.int64), 0
    sizes = _shard_index(store, file, grid.region_px // grid.chunk_px)
    return sizes[: shape[0], : shape[1]], total


def pick_samples(candidates: NDArray[np.bool_], level: int, *, least: int = 1) -> NDArray[np.bool_]:
    """Return which of the chunks are measured: the same ones for any order of work.

    A hash of their place picks them, which spreads them over the slide.

    Parameters
    ----------
    candidates : ndarray
        Which of a level's chunks may be picked, by row and column.
    level : int
        The level.
    least : int
        How many to pick if there are so many; of the same, larger values pick these and more.
    """
    cells = [(int(row), int(column)) for row, column in np.argwhere(candidates)]
    cells.sort(key=lambda cell: hashlib.sha256(f"{level}/{cell[0]}/{cell[1]}".encode()).digest())
    wanted = max(least, ceil_div(len(cells), CHUNKS_PER_SAMPLE))
    picked = np.zeros(candidates.shape, bool)
    for cell in cells[: min(wanted, SAMPLES_PER_LEVEL)]:
        picked[cell] = True
    return picked


def _file(array: zarr.Array[Any], place: tuple[int, ...]) -> str:
    return f"{array.path}/{array.metadata.encode_chunk_key(place)}"


def _shard_index(store: Folder, file: str, chunks_per_side: int) -> NDArray[np.int64]:
    """Return the chunk sizes that the index at a shard's end lists, as zarr lays it out.

    That is offset and size of every chunk, uint64, and a CRC-32C, which zarr has just written.
    """
    nbytes = 16 * chunks_per_side**2
    tail = store.tail(file, nbytes + 4)
    index = np.frombuffer(tail[:nbytes], "<u8").reshape(chunks_per_side, chunks_per_side, 2)
    sizes = np.where(index[..., 0] == _EMPTY, 0, index[..., 1])
    return sizes.astype(np.int64)
