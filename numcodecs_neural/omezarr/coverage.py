"""Coverage: what became of each chunk of a level, and which of its files must be there.

Zarr reads the fill value where a file is not there. Coverage tells what was never stored from what
was lost.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

__all__ = [
    "COVERAGE_GROUP",
    "ELIDED",
    "EMPTY",
    "EXACT",
    "FILE_SIZES_GROUP",
    "STORED",
    "file_names",
    "file_shape",
    "file_sizes",
    "has_file",
    "in_grid_of_chunks",
    "is_stored",
]

# Not "coverage": a group of arrays in the root is what generic readers take for the image.
COVERAGE_GROUP = "coverage/levels"
FILE_SIZES_GROUP = "coverage/file_sizes"
STORED, ELIDED, EMPTY, EXACT = 1, 2, 3, 4


def is_stored(coverage: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which chunks are in a store, those that were to be exact included."""
    found: NDArray[np.bool_] = (coverage == STORED) | (coverage == EXACT)
    return found


def file_shape(array: zarr.Array[Any]) -> tuple[int, ...]:
    """Return the shape of what one file holds: a shard, or where there are none a chunk."""
    return tuple(array.shards or array.chunks)


def has_file(array: zarr.Array[Any], coverage: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return which files hold a chunk that was stored, in the shape of the grid of files.

    Parameters
    ----------
    array : zarr.Array
        A level.
    coverage : ndarray
        Its coverage, without the axis of samples.

    Returns
    -------
    ndarray or None
        None if the coverage is of other chunks than the array has.
    """
    by_chunk = in_grid_of_chunks(array, coverage)
    if by_chunk is None:
        return None
    files = np.zeros(_grid(array.shape, file_shape(array)), bool)
    chunks_in_file = [
        whole // part for whole, part in zip(file_shape(array), array.chunks, strict=True)
    ]
    stored = np.argwhere(is_stored(by_chunk)) // chunks_in_file
    files[tuple(stored.T)] = True
    return files


def in_grid_of_chunks(
    array: zarr.Array[Any], coverage: NDArray[np.uint8]
) -> NDArray[np.uint8] | None:
    """Return a level's coverage in the shape of its grid of chunks, the axis of samples included.

    None if the coverage is of other chunks than the array has.
    """
    chunks = _grid(array.shape, array.chunks)
    if _without_ones(chunks) != _without_ones(coverage.shape):
        return None
    return coverage.reshape(chunks)


def file_names(array: zarr.Array[Any], coverage: NDArray[np.uint8] | None) -> list[str]:
    """Return the names that an array's files have in its folder.

    Parameters
    ----------
    array : zarr.Array
        A level.
    coverage : ndarray, optional
        Its coverage, by which some files are not there.
    """
    there = None if coverage is None else has_file(array, coverage)
    if there is None:
        there = np.ones(_grid(array.shape, file_shape(array)), bool)
    places = map(tuple, np.argwhere(there).tolist())
    return [array.metadata.encode_chunk_key(place) for place in places]


def file_sizes(array: zarr.Array[Any], found: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the sizes of an array's files, 0 where there is none, in the shape of their grid.

    Parameters
    ----------
    array : zarr.Array
        A level.
    found : mapping
        Size of each file in its folder, by its name in it.
    """
    sizes = np.zeros(_grid(array.shape, file_shape(array)), np.int64)
    for place in np.ndindex(sizes.shape):
        sizes[place] = found.get(array.metadata.encode_chunk_key(place), 0)
    return sizes


def _grid(shape: tuple[int, ...], part: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-length // side) for length, side in zip(shape, part, strict=True))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)
