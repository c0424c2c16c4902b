"""Sizes in bytes of the stored chunks, from the files of a store and the indexes of its shards."""

from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from ..geometry.axes import Axes, Frame
from ..geometry.levels import Cell, LevelGrid
from ..sources.folder import Folder

__all__ = ["chunk_nbytes"]

_EMPTY = np.iinfo(np.uint64).max


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
