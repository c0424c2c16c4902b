"""What is really in a store: the bytes of each chunk, and how well sampled ones came back."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from .geometry import Cell, LevelGrid

__all__ = ["chunk_nbytes", "pick_samples", "psnr_db"]

_EMPTY = np.iinfo(np.uint64).max
# Enough for a tenth of a decibel on slides of many kinds, and no load.
SAMPLES_PER_LEVEL = 24


def chunk_nbytes(
    store: Path, array: zarr.Array[Any], grid: LevelGrid, cell: Cell
) -> tuple[NDArray[np.int64], int]:
    """Return the size of each chunk of a region, and of the files that hold them.

    Parameters
    ----------
    store : Path
        Root folder of the store.
    array : zarr.Array
        The level that `grid` describes.
    cell : tuple of int
        (row, column) of the region.

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
            path = _file(store, array, (rows.start + row, columns.start + column))
            sizes[row, column] = path.stat().st_size if path.is_file() else 0
        return sizes, int(sizes.sum())
    path = _file(store, array, cell)
    if not path.is_file():
        return np.zeros(shape, np.int64), 0
    sizes = _shard_index(path, grid.region_px // grid.chunk_px)
    return sizes[: shape[0], : shape[1]], path.stat().st_size


def pick_samples(candidates: NDArray[np.bool_], level: int) -> NDArray[np.bool_]:
    """Return which of the chunks are measured: the same ones for any order of work.

    A hash of their place picks them, which spreads them over the slide.
    """
    cells = [(int(row), int(column)) for row, column in np.argwhere(candidates)]
    cells.sort(key=lambda cell: hashlib.sha256(f"{level}/{cell[0]}/{cell[1]}".encode()).digest())
    picked = np.zeros(candidates.shape, bool)
    for cell in cells[:SAMPLES_PER_LEVEL]:
        picked[cell] = True
    return picked


def psnr_db(squared_error: int, samples: int) -> float | None:
    """Return the PSNR of 8-bit samples in dB, or None if there is no error, or no sample.

    Examples
    --------
    >>> psnr_db(squared_error=400, samples=100)
    42.11
    """
    if squared_error == 0 or samples == 0:
        return None
    return round(float(10 * np.log10(255.0**2 * samples / squared_error)), 2)


def _file(store: Path, array: zarr.Array[Any], cell: Cell) -> Path:
    return store / array.path / array.metadata.encode_chunk_key((0, *cell))


def _shard_index(path: Path, chunks_per_side: int) -> NDArray[np.int64]:
    """Return the chunk sizes that the index at a shard's end lists, as zarr lays it out.

    That is offset and size of every chunk, uint64, and a CRC-32C, which zarr has just written.
    """
    nbytes = 16 * chunks_per_side**2
    with path.open("rb") as file:
        file.seek(-nbytes - 4, 2)
        index = np.frombuffer(file.read(nbytes), "<u8").reshape(chunks_per_side, chunks_per_side, 2)
    sizes = np.where(index[..., 0] == _EMPTY, 0, index[..., 1])
    return sizes.astype(np.int64)
