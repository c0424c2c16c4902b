"""ChunkCache: the decoded chunks that were asked for last, up to a number of bytes."""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError

__all__ = ["ChunkCache", "shared_cache"]

Key = tuple[Hashable, ...]
Chunk = NDArray[Any]
# What a chunk takes beside its samples: its key, its place in the order, the array itself.
_OVERHEAD_NBYTES = 512


class ChunkCache:
    """Decoded chunks, up to a number of bytes; safe between threads, and empty in a forked child.

    A chunk that several threads ask for is decoded by one of them, and the others wait for it. An
    error reaches all who wait, and is not kept: who asks next tries again. Those that were not
    asked for the longest leave first. What is larger than the whole cache is not kept.

    Parameters
    ----------
    nbytes : int, optional
        How much to keep; by default what the setting ``cache_mib`` says at any time, see
        `numcodecs_neural.config`.

    Raises
    ------
    ConfigError
        If `nbytes` is below 0.

    Examples
    --------
    >>> import numpy as np
    >>> cache = ChunkCache(1_000_000)
    >>> cache.get(("slide", 0), lambda: np.zeros((3, 64, 64), np.uint8)).shape
    (3, 64, 64)
    >>> cache.get(("slide", 0), lambda: 1 / 0).shape  # Not decoded again.
    (3, 64, 64)
    """

    def __init__(self, nbytes: int | None = None) -> None:
        if nbytes is not None and nbytes < 0:
            raise ConfigError(f"a cache of {nbytes} bytes was asked for; it has 0 or more")
        self._limit = nbytes
        self._forget_all()
        _caches.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return ChunkCache, (self._limit,)

    @property
    def limit_nbytes(self) -> int:
        """How many bytes are kept at the most."""
        return config.cache_mib() * 2**20 if self._limit is None else self._limit

    @property
    def nbytes(self) -> int:
        """How many bytes are kept now."""
        return self._nbytes

    def get(self, key: Key, decode: Callable[[], Chunk]) -> Chunk:
        """Return a chunk that is kept, or what `decode` returns, which nobody may change.

        Parameters
        ----------
        key : tuple
            Whose chunk it is, then which.
        decode : callable
            Called without a lock held. All that it raises reaches the caller.
        """
        while True:
            with self._lock:
                found = self._find(key)
                if found is not None:
                    return found
                running = self._running.get(key)
                if running is None:
                    mine = self._running[key] = Future()
                    break
            # Cancelled: the thread that decoded it was interrupted, which is not this one's affair.
            with suppress(CancelledError):
                return running.result()
        return self._decode(key, decode, mine)

    def peek(self, key: Key) -> Chunk | None:
        """Return a chunk that is kept, or None."""
        with self._lock:
            return self._find(key)

    def forget(self, owner: Hashable) -> None:
        """Let go of all chunks whose key begins with `owner`."""
        with self._lock:
            for key in [key for key in self._chunks if key[0] == owner]:
                self._nbytes -= _memory(self._chunks.pop(key))

    def clear(self) -> None:
        """Let go of all chunks."""
        with self._lock:
            self._chunks.clear()
            self._nbytes = 0

    def _find(self, key: Key) -> Chunk | None:
        found = self._chunks.get(key)
        if found is not None:
            self._chunks.move_to_end(key)
        return found

    def _decode(self, key: Key, decode: Callable[[], Chunk], mine: "Future[Chunk]") -> Chunk:
        try:
            chunk = decode()
        except Exception as exc:
            self._end(key)
            mine.set_exception(exc)
            raise
        except BaseException:
            self._end(key)
            mine.cancel()
            raise
        # Several threads will have it.
        chunk.flags.writeable = False
        self._keep(key, chunk)
        mine.set_result(chunk)
        return chunk

    def _end(self, key: Key) -> None:
        with self._lock:
            self._running.pop(key, None)

    def _keep(self, key: Key, chunk: Chunk) -> None:
        limit, nbytes = self.limit_nbytes, _memory(chunk)
        with self._lock:
            self._running.pop(key, None)
            if nbytes > limit:
                return
            self._chunks[key] = chunk
            self._nbytes += nbytes
            while self._nbytes > limit:
                self._nbytes -= _memory(self._chunks.popitem(last=False)[1])

    def _forget_all(self) -> None:
        """Begin anew, with a lock that no thread holds."""
        self._lock = threading.Lock()
        self._chunks: OrderedDict[Key, Chunk] = OrderedDict()
        self._running: dict[Key, Future[Chunk]] = {}
        self._nbytes = 0


def shared_cache() -> ChunkCache:
    """Return the cache that all readers of this process share unless they are given another."""
    return _shared


def _memory(chunk: Chunk) -> int:
    """Return the bytes that a chunk takes; one of a single colour may be a view of one pixel."""
    is_repeated = any(
        step == 0 and length > 1 for step, length in zip(chunk.strides, chunk.shape, strict=True)
    )
    return _OVERHEAD_NBYTES + (0 if is_repeated else chunk.nbytes)


_caches: "weakref.WeakSet[ChunkCache]" = weakref.WeakSet()
_shared = ChunkCache()


def _begin_anew() -> None:
    for cache in list(_caches):
        cache._forget_all()


if hasattr(os, "register_at_fork"):
    # The threads that were decoding are not in the child, and never give back their locks.
    os.register_at_fork(after_in_child=_begin_anew)
