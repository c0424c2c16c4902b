"""ImageReader: regions of an OME-Zarr image, read through the cache of decoded chunks."""

import os
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr

from .cache import ChunkCache, shared_cache
from .chunks import LevelChunks
from .closing import Closing
from .pool import in_parallel
from .regions import Index, bounds_of, parts_of

__all__ = ["ImageReader"]

# Chunks that are held beside a region while it is put together: it may be a whole slide.
_AT_ONCE = 64


class ImageReader(Closing):
    """An image that is read region by region, or chunk by chunk; safe between threads.

    It pickles, and survives a fork: in another process it opens the store again, with a cache that
    is empty. What is written to the store while it is open is not seen.

    Parameters
    ----------
    location : str or Path
        An OME-Zarr image of any version: a folder, a zip (``.ozx``), or a URL.
    series : int
        Which image, where the store holds several.
    cache : ChunkCache, optional
        Where decoded chunks are kept; by default in what all readers of the process share.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, has no such series, or a codec that is not installed.

    Examples
    --------
    >>> with ImageReader("slide.ome.zarr") as image:  # doctest: +SKIP
    ...     pixels = image.read(0, (slice(None), slice(0, 512), slice(1024, 1536)))
    """

    def __init__(
        self, location: str | Path, *, series: int = 0, cache: ChunkCache | None = None
    ) -> None:
        self.location, self.series = str(location), series
        self._cache = cache
        # By itself, not by the location: a store that was written again has other chunks.
        self._owner = object()
        self._is_closed = False
        self._opened = self._open()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.location, self.series, self._cache)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.location!r})"

    @property
    def image(self) -> OpenedImage:
        """The store as this process has opened it: its arrays, its metadata."""
        return self._here().image

    @property
    def levels(self) -> tuple[LevelChunks, ...]:
        """The chunks of each level, which decode without the cache."""
        return self._here().levels

    @property
    def cache(self) -> ChunkCache:
        """Where decoded chunks are kept."""
        return shared_cache() if self._cache is None else self._cache

    @property
    def own_cache(self) -> ChunkCache | None:
        """The cache that this reader was given, if it has not that of all readers."""
        return self._cache

    def use_cache(self, cache: ChunkCache) -> None:
        """Keep decoded chunks in another cache from now on."""
        self.cache.forget(self._owner)
        self._cache = cache

    def chunk(self, level: int, index: Index) -> NDArray[Any]:
        """Return a chunk without what of it is beyond the image, which nobody may change.

        Parameters
        ----------
        level : int
            0 is the finest.
        index : tuple of int
            Which chunk, along each axis.

        Raises
        ------
        SourceError
            If the reader is closed, there is no such level or chunk, or the chunk is lost, damaged
            or not to be decoded here.
        """
        return self.chunks(level, [index])[0]

    def chunks(self, level: int, indexes: Sequence[Index]) -> list[NDArray[Any]]:
        """Return several chunks, decoded at the same time; raises as `chunk`."""
        source = self.level(level)
        for index in indexes:
            source.check_index(index)
        return self.keep_all([("chunk", level, *index) for index in indexes], source.decode_key)

    def read(self, level: int, selection: tuple[int | slice, ...]) -> NDArray[Any]:
        """Return the samples of a region.

        Parameters
        ----------
        level : int
            0 is the finest.
        selection : tuple of int or slice
            One for each axis, in pixels of the level. Slices have no step. An axis of which one
            place is taken is left out, as in numpy.

        Raises
        ------
        ConfigError
            If the selection is of another kind.
        SourceError
            As `chunk`.
        """
        source = self.level(level)
        bounds = bounds_of(selection, source.shape)
        region = np.empty([stop - start for start, stop in bounds], source.dtype)
        parts = list(parts_of(bounds, source.sides))
        for first in range(0, len(parts), _AT_ONCE):
            some = parts[first : first + _AT_ONCE]
            chunks = self.chunks(level, [part.index for part in some])
            for part, chunk in zip(some, chunks, strict=True):
                region[part.target] = chunk[part.source]
        return region[tuple(slice(None) if isinstance(at, slice) else 0 for at in selection)]

    def level(self, level: int) -> LevelChunks:
        """Return the chunks of a level, which decode without the cache.

        Raises
        ------
        SourceError
            If there is no such level.
        """
        levels = self.levels
        if not 0 <= level < len(levels):
            raise SourceError(
                f"{self.location} has no level {level}; its levels are 0 to {len(levels) - 1}"
            )
        return levels[level]

    def keep_all(
        self, keys: Sequence[tuple[Hashable, ...]], make: Callable[[Any], NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Return arrays from the cache; those that are not in it are made at the same time.

        Parameters
        ----------
        keys : sequence of tuple
            Of this image, whatever kind of array each stands for.
        make : callable
            Called with a key. It must not call this in turn.
        """
        cache, owner = self.cache, self._owner
        found = [cache.peek((owner, *key)) for key in keys]
        missing = dict.fromkeys(
            key for key, chunk in zip(keys, found, strict=True) if chunk is None
        )

        def made(key: tuple[Hashable, ...]) -> NDArray[Any]:
            return cache.get((owner, *key), lambda: make(key))

        if not missing:
            return [chunk for chunk in found if chunk is not None]
        new = map(made, missing) if len(missing) == 1 else in_parallel(made, missing)
        of_key = dict(zip(missing, new, strict=True))
        return [
            of_key[key] if chunk is None else chunk for key, chunk in zip(keys, found, strict=True)
        ]

    def close(self) -> None:
        """Close the store, and let go of its chunks."""
        if not self._is_closed:
            self._is_closed = True
            self._opened.image.close()
            self.cache.forget(self._owner)

    def check_open(self) -> None:
        """Raise SourceError if it was closed."""
        if self._is_closed:
            raise SourceError(f"{self.location} was closed; open it again to read it")

    def _here(self) -> "_Opened":
        """Return the store as this process has opened it.

        What a parent opened holds threads that are not here, and a place in a file that is shared.
        """
        self.check_open()
        if self._opened.process != os.getpid():
            with _opening:
                if self._opened.process != os.getpid():
                    self._opened = self._open()
        return self._opened

    def _open(self) -> "_Opened":
        image = open_omezarr(self.location, series=self.series)
        try:
            levels = tuple(LevelChunks(image, level) for level in range(len(image.levels)))
        except BaseException:
            image.close()
            raise
        return _Opened(os.getpid(), image, levels)


@dataclass(frozen=True, slots=True)
class _Opened:
    """An image that one process has opened."""

    process: int
    image: OpenedImage
    levels: tuple[LevelChunks, ...]


def _reopened(location: str, series: int, cache: ChunkCache | None) -> ImageReader:
    return ImageReader(location, series=series, cache=cache)


def _begin_anew() -> None:
    global _opening
    _opening = threading.Lock()


_opening = threading.Lock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
