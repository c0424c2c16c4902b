"""Find the array that a caller means, and its encoded chunks, which zarr does not hand out."""

from pathlib import Path
from typing import Any

import zarr
from zarr.storage import FsspecStore, LocalStore, ZipStore

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.omezarr.chunk_files import StoredChunks
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr
from numcodecs_neural.omezarr.store import ZarrFiles

__all__ = ["checked_level", "level_of", "stored_chunks"]


def level_of(store: str | Path, n: int, series: int) -> "zarr.Array[Any]":
    """Return the array of a level of an image; parameters and errors are those of `open_level`."""
    image = open_omezarr(store, series=series)
    level: zarr.Array[Any] = image.levels[checked_level(image, n)]
    return level


def checked_level(image: OpenedImage, n: int) -> int:
    """Return the number of a level that may be counted from the end.

    Raises
    ------
    ConfigError
        If there is no such level.
    """
    count = len(image.levels)
    if not -count <= n < count:
        raise ConfigError(
            f"{image.files.location} has {count} levels, and no level {n}: 0 is the largest, "
            f"{count - 1} the smallest"
        )
    return n % count


def stored_chunks(array: "zarr.Array[Any]") -> StoredChunks:
    """Return the encoded chunks of an array.

    Raises
    ------
    ConfigError
        If it is nowhere but in memory, or in a store of another kind.
    """
    folder = ZarrFiles(_location_of(array)).folder
    path = array.path.removeprefix(folder.root).lstrip("/")
    return StoredChunks(folder, path, array)


def _location_of(array: "zarr.Array[Any]") -> str:
    store: Any = array.store
    if isinstance(store, LocalStore):
        return str(store.root)
    if isinstance(store, ZipStore):
        return str(store.path)
    if isinstance(store, FsspecStore):
        return str(store.fs.unstrip_protocol(store.path))
    raise ConfigError(
        f"latents are read from the files of an array, and {array.path or 'this one'} is in a "
        f"{type(store).__name__}: store it in a folder, a zip, or behind a URL"
    )
