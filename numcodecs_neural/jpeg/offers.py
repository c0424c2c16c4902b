"""The JPEG data behind pixels, offered to the encoder of the chunk that holds these pixels.

Zarr hands pixels to a codec and nothing else. So a writer who knows the JPEG data that a chunk was
decoded from offers them first, under a digest of the chunk, and the encoder looks its chunk up. One
table serves all threads of a process, since Zarr encodes on threads of its own.
"""

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.mosaic import Mosaic

__all__ = ["must_be_exact", "offer_for", "offered"]

_offers: dict[bytes, list[Mosaic]] = {}
_exact: Counter[bytes] = Counter()
_lock = threading.Lock()


@contextmanager
def offered(
    offers: Iterable[tuple[NDArray[np.uint8], int, Mosaic | None]], *, are_exact: bool = False
) -> Iterator[None]:
    """Offer mosaics for chunks that are encoded meanwhile, in any thread of this process.

    Nothing is promised: a chunk whose pixels are not exactly those of its mosaic is encoded as if
    there were none.

    Parameters
    ----------
    offers : iterable of (chunk, channel_axis, mosaic)
        The whole chunk as the codec will get it, padded at the array's edge; where its channels
        lie, as in the codec's parameters, 0 without channels; and what it was decoded from, if
        that is known.
    are_exact : bool
        Whether these chunks are stored without loss even where their mosaics cannot be kept.

    Raises
    ------
    ConfigError
        If a chunk holds more than one image, or other samples than uint8.

    Examples
    --------
    >>> from numcodecs_neural.jpeg.offers import offered
    >>> with offered([(chunk, -3, mosaic)]):  # doctest: +SKIP
    ...     array[:, :512, :512] = chunk
    """
    keyed = [(_digest(_planes(chunk, axis)), mosaic) for chunk, axis, mosaic in offers]
    own = [(key, mosaic) for key, mosaic in keyed if mosaic is not None]
    exact = Counter(key for key, _ in keyed if are_exact)
    with _lock:
        _exact.update(exact)
        for key, mosaic in own:
            _offers.setdefault(key, []).append(mosaic)
    try:
        yield
    finally:
        with _lock:
            _exact.subtract(exact)
            for key, mosaic in own:
                _withdraw(key, mosaic)
            for key in exact:
                if not _exact[key]:
                    del _exact[key]


def must_be_exact(planes: NDArray[Any]) -> bool:
    """Return whether a chunk is to be stored without loss, whatever the codec's settings are.

    Parameters
    ----------
    planes : ndarray, shape (n, C, H, W)
        All samples of the chunk, C-contiguous.
    """
    with _lock:
        if not _exact or len(planes) != 1 or planes.dtype != np.uint8:
            return False
    key = _digest(planes)
    with _lock:
        return key in _exact


def offer_for(planes: NDArray[np.uint8]) -> Mosaic | None:
    """Return the mosaic that is offered for a chunk, or None.

    Parameters
    ----------
    planes : ndarray, shape (n, C, H, W)
        All samples of the chunk, C-contiguous.
    """
    with _lock:
        if not _offers or len(planes) != 1 or planes.dtype != np.uint8:
            return None
    key = _digest(planes)
    with _lock:
        mosaics = _offers.get(key)
        return mosaics[-1] if mosaics else None


def _planes(chunk: NDArray[np.uint8], channel_axis: int) -> NDArray[np.uint8]:
    """Return a chunk as (1, C, H, W)."""
    array = np.moveaxis(chunk, channel_axis, -3) if channel_axis else np.expand_dims(chunk, -3)
    planes = array.reshape(-1, *array.shape[-3:])
    if len(planes) != 1 or chunk.dtype != np.uint8:
        raise ConfigError(
            f"a JPEG mosaic is offered for a chunk of {len(planes)} images of {chunk.dtype}; it "
            "stands for one image of uint8"
        )
    return np.ascontiguousarray(planes)


def _digest(planes: NDArray[np.uint8]) -> bytes:
    digest = hashlib.blake2b(repr(planes.shape).encode(), digest_size=16)
    digest.update(planes.data)
    return digest.digest()


def _withdraw(key: bytes, mosaic: Mosaic) -> None:
    """Take one offer back; equal chunks may have been offered by other threads."""
    mosaics = _offers[key]
    mosaics.remove(mosaic)
    if not mosaics:
        del _offers[key]


def _forget() -> None:
    """Begin a forked child without offers, and without a lock that another thread may have held."""
    global _lock
    _lock = threading.Lock()
    _offers.clear()
    _exact.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
