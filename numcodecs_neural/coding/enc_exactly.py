"""Chunks that are to be stored without loss in an array whose codec loses something.

Zarr hands a codec pixels and nothing else. So the writer says beforehand which chunks are to be
exact, in the context in which it writes them: Zarr's own threads inherit it, other threads do not.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["exactly", "is_asked_for", "to_planes"]

_asked: ContextVar[frozenset[bytes]] = ContextVar("numcodecs_neural_exactly", default=frozenset())
_EVERY = b""
"""Stands among digests for all chunks."""


@contextmanager
def exactly(chunks: Iterable[tuple[NDArray[Any], int]] | None = None) -> Iterator[None]:
    """Store chunks without loss that are written meanwhile, whatever their codec's settings are.

    It holds for what this thread writes, or a coroutine, and for the threads that Zarr uses for it;
    not for other threads, such as dask's: enter it in the function that writes. What is written to
    a part of a chunk makes the chunk exact as it is then, what was decoded of it included; and
    written to later without this, it loses something again.

    Parameters
    ----------
    chunks : iterable of (ndarray, int), optional
        Only chunks of these pixels: each as the codec will get it, padded at the array's edge, and
        where its channels lie, as in the codec's parameters, 0 without channels. By default all.
        Who writes several chunks at once, as of a shard, says so which of them are meant.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from numcodecs_neural import NeuralImageCodec, exactly
    >>> array = zarr.create_array(
    ...     {},
    ...     shape=(3, 64, 128),
    ...     chunks=(3, 64, 64),
    ...     dtype="uint8",
    ...     serializer=NeuralImageCodec("he-fast", quality=20),
    ...     compressors=None,
    ... )
    >>> image = np.random.default_rng(0).integers(0, 256, array.shape, "u1")
    >>> array[...] = image
    >>> with exactly():
    ...     array[..., 64:] = image[..., 64:]
    >>> [bool((array[..., x] == image[..., x]).all()) for x in (slice(0, 64), slice(64, 128))]
    [False, True]
    """
    meant = [_EVERY] if chunks is None else [digest(to_planes(c, axis)) for c, axis in chunks]
    token = _asked.set(_asked.get().union(meant))
    try:
        yield
    finally:
        _asked.reset(token)


def is_asked_for(planes: NDArray[Any]) -> bool:
    """Return whether a chunk is to be stored without loss.

    Parameters
    ----------
    planes : ndarray, shape (n, C, H, W)
        All its samples, as `to_planes` returns them.
    """
    asked = _asked.get()
    return bool(asked) and (_EVERY in asked or digest(planes) in asked)


def to_planes(array: NDArray[Any], channel_axis: int) -> NDArray[Any]:
    """Return `array` as (n, C, H, W), C-contiguous and in native byte order.

    `channel_axis` is -4, -3, -1, or 0 for arrays without channels; all other axes but y and x
    become the batch.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if channel_axis:
        array = np.moveaxis(array, channel_axis, -3)
    else:
        array = np.expand_dims(array, -3) if array.ndim > 1 else array.reshape(1, 1, -1)
    return np.ascontiguousarray(array.reshape(-1, *array.shape[-3:]))


def digest(planes: NDArray[Any]) -> bytes:
    """Return what tells a chunk's samples, their shape and their dtype from others."""
    found = hashlib.blake2b(f"{planes.shape} {planes.dtype.str}".encode(), digest_size=16)
    found.update(planes.data)
    return found.digest()
