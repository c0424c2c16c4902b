"""TileCache: the latest tiles of a slide, decoded or parsed, safe between threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["TileCache"]


class _Sized(Protocol):
    @property
    def nbytes(self) -> int:
        """Memory that it takes."""


Key = tuple[Hashable, ...]
Tile = TypeVar("Tile", bound=_Sized)


class TileCache(Generic[Tile]):
    """The latest tiles, up to a number of bytes; safe between threads.

    The latest one stays however large it is: an image in one strip is decoded once.
    """

    def __init__(self, nbytes: int) -> None:
        self._free = nbytes
        self._tiles: OrderedDict[Key, Tile] = OrderedDict()
        self._lock = threading.Lock()
        self._big_lock = threading.Lock()

    def get_or_decode(
        self, key: Key, decode: Callable[[], Tile], *, is_kept: bool, is_big: bool
    ) -> Tile:
        """Return a tile from the cache, or decode it, and keep it if `is_kept`."""
        found = self._get(key)
        if found is not None:
            return found
        if not is_big:
            return self._decode(key, decode, is_kept=is_kept)
        with self._big_lock:
            found = self._get(key)
            return found if found is not None else self._decode(key, decode, is_kept=True)

    def clear(self) -> None:
        """Let go of all tiles."""
        with self._lock:
            while self._tiles:
                self._free += self._tiles.popitem()[1].nbytes

    def _decode(self, key: Key, decode: Callable[[], Tile], *, is_kept: bool) -> Tile:
        pixels = decode()
        if is_kept:
            self._put(key, pixels)
        return pixels

    def _get(self, key: Key) -> Tile | None:
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def _put(self, key: Key, tile: Tile) -> None:
        with self._lock:
            if key in self._tiles:
                return
            self._tiles[key] = tile
            self._free -= tile.nbytes
            while self._free < 0 and len(self._tiles) > 1:
                self._free += self._tiles.popitem(last=False)[1].nbytes
