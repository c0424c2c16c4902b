"""Levels as arrays of dask, which napari reads chunk by chunk."""

import warnings
from contextlib import suppress
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.reading.reader import ImageReader

__all__ = ["cached_level", "lazy"]


def cached_level(reader: ImageReader, level: int) -> "da.Array":
    """Return a level of an image whose chunks are decoded once while they are in use.

    Chunks that are damaged or lost are 0, and a warning names the first of them. An error would
    leave napari without the rest of the view.
    """
    chunks = reader.level(level)
    array: da.Array = da.map_blocks(
        _Chunks(reader, level),
        chunks=normalize_chunks(chunks.sides, chunks.shape),
        dtype=chunks.dtype,
        meta=np.empty((0,) * len(chunks.shape), chunks.dtype),
        # By itself: a store that was written again has other chunks.
        name=f"level-{uuid4().hex}",
    )
    return array


def lazy(array: Any) -> "da.Array":
    """Return an array of which napari reads the chunks that it shows."""
    meta = np.empty((0,) * array.ndim, array.dtype)
    opened: da.Array = da.from_array(array, chunks=array.chunks, name=False, meta=meta)
    return opened


class _Chunks:
    """What dask calls for each chunk of a level."""

    def __init__(self, reader: ImageReader, level: int) -> None:
        self._reader, self._level = reader, level
        # Taken by the one thread that warns.
        self._first = [True]

    def __call__(self, block_id: tuple[int, ...]) -> NDArray[Any]:
        try:
            return self._reader.chunk(self._level, block_id)
        except SourceError as exc:
            self._warn(exc)
            level = self._reader.level(self._level)
            return np.zeros(level.lengths(block_id), level.dtype)

    def _warn(self, error: SourceError) -> None:
        """Say once for a level what is wrong: where a shard is lost, all its chunks are."""
        with suppress(IndexError):
            self._first.pop()
            found = str(error).rstrip(".")
            warnings.warn(f"{found}. All that is not read of this level is 0.", stacklevel=2)
