"""Where the encoded chunks of an open array are: zarr itself hands out none."""

from typing import Any

import zarr
from zarr.storage import FsspecStore, LocalStore, ZipStore

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.omezarr.chunk_files import StoredChunks
from numcodecs_neural.omezarr.store import ZarrFiles

__all__ = ["stored_chunks"]


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
