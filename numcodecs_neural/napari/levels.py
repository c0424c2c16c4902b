"""Levels as arrays of dask, which napari reads chunk by chunk."""

from functools import partial
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks
from numpy.typing import NDArray

from numcodecs_neural.reading.reader import ImageReader

__all__ = ["cached_level", "lazy"]


def cached_level(reader: ImageReader, level: int) -> "da.Array":
    """Return a level of an image whose chunks are decoded once while they are in use.

    Chunks that are damaged or lost are errors, and not empty.
    """
    chunks = reader.level(level)
    array: da.Array = da.map_blocks(
        partial(_chunk, reader, level),
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


def _chunk(reader: ImageReader, level: int, block_id: tuple[int, ...]) -> NDArray[Any]:
    return reader.chunk(level, block_id)
