"""StoredChunks: the encoded chunks of an array, as they lie in its files and shards."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import Folder

__all__ = ["EMPTY", "StoredChunks"]

EMPTY = np.uint64(np.iinfo(np.uint64).max)
"""What an index says of a chunk that is not stored."""

# Of an image of a terabyte, all of them would take hundreds of megabytes.
_MOST_INDEXES = 4096
_Index = tuple[int, ...]


class StoredChunks:
    """Chunks of one array, by their index along its axes; zarr decodes them and gives no bytes.

    Safe between threads.

    Parameters
    ----------
    store : Folder
        Root of the store.
    path : str
        Of the array in it.
    array : zarr.Array
        The array.

    Raises
    ------
    SourceError
        If its shards are not laid out as zarr does it unless told otherwise.
    """

    def __init__(self, store: Folder, path: str, array: zarr.Array[Any]) -> None:
        self._store, self._path, self._array = store, path, array
        self._indexes: dict[str, NDArray[np.uint64] | None] = {}
        if array.shards is not None:
            _check_sharding(array)

    def read(self, index: _Index) -> bytes | None:
        """Return the bytes of a chunk; None where it is not stored.

        Raises
        ------
        SourceError
            If a shard is damaged.
        """
        if self._array.shards is None:
            return self._store.read(self._file(index))
        file, place = self._place(index)
        if place is None:
            return None
        (data,) = self._store.parts([(file, place[0])], place[1])
        if len(data) < place[1]:
            raise SourceError(f"{self._store.location}: {file} is cut off within a chunk")
        return data

    def size(self, index: _Index) -> int:
        """Return the size of a chunk in bytes; 0 where it is not stored."""
        if self._array.shards is None:
            return self._store.size(self._file(index))
        _, place = self._place(index)
        return 0 if place is None else place[1]

    def starts(self, indexes: Sequence[_Index], nbytes: int) -> list[bytes | None]:
        """Return up to `nbytes` from the start of each chunk; None where it is not stored.

        Raises
        ------
        SourceError
            If a shard is damaged.
        """
        places = [self._start(index) for index in indexes]
        parts = iter(self._store.parts([place for place in places if place], nbytes))
        return [next(parts) if place else None for place in places]

    def shard_index(self, shard: _Index) -> NDArray[np.uint64]:
        """Return offset and size of each chunk of a shard, in its grid; `EMPTY` where none is.

        Raises
        ------
        SourceError
            If the shard is damaged.
        """
        index = self._index(self._file(shard))
        return np.full((*self._per_shard, 2), EMPTY) if index is None else index

    def _file(self, index: _Index) -> str:
        # An array may be the whole store, and a zip has no names that begin with a slash.
        return f"{self._path}/{self._array.metadata.encode_chunk_key(index)}".lstrip("/")

    def _start(self, index: _Index) -> tuple[str, int] | None:
        """Return the file of a chunk and its offset in it; None where it is not stored."""
        if self._array.shards is None:
            file = self._file(index)
            return (file, 0) if self._store.size(file) else None
        file, place = self._place(index)
        return None if place is None else (file, place[0])

    def _place(self, index: _Index) -> tuple[str, tuple[int, int] | None]:
        """Return the file of a chunk, and where it is in it: offset and size; None if nowhere."""
        shard, inside = zip(*map(divmod, index, self._per_shard), strict=True)
        file = self._file(shard)
        offsets = self._index(file)
        if offsets is None or offsets[inside][0] == EMPTY:
            return file, None
        offset, nbytes = offsets[inside].tolist()
        return file, (offset, nbytes)

    @property
    def _per_shard(self) -> _Index:
        """Chunks of a shard along each axis."""
        shards = self._array.shards
        assert shards is not None
        return tuple(n // side for n, side in zip(shards, self._array.chunks, strict=True))

    def _index(self, file: str) -> NDArray[np.uint64] | None:
        """Return the index at a shard's end: offset and size of each chunk; None without a file."""
        with suppress(KeyError):
            return self._indexes[file]
        index = self._read_index(file)
        if len(self._indexes) >= _MOST_INDEXES:
            self._indexes.clear()
        self._indexes[file] = index
        return index

    def _read_index(self, file: str) -> NDArray[np.uint64] | None:
        shape = self._per_shard
        nbytes = 16 * int(np.prod(shape))
        tail = self._store.tail(file, nbytes + 4)
        if tail is None:
            return None
        checksum = int.from_bytes(tail[nbytes:], "little")
        if len(tail) != nbytes + 4 or google_crc32c.value(tail[:nbytes]) != checksum:
            raise SourceError(f"{self._store.location}: the index of the shard {file} is damaged")
        return np.frombuffer(tail[:nbytes], "<u8").reshape(*shape, 2)


def _check_sharding(array: zarr.Array[Any]) -> None:
    metadata: Any = array.metadata
    (sharding,) = metadata.codecs
    is_known = (
        isinstance(sharding, ShardingCodec)
        and _at(sharding) == "end"
        and [type(codec) for codec in sharding.index_codecs] == [BytesCodec, Crc32cCodec]
    )
    if not is_known:
        raise SourceError(
            f"the shards of {array.path} have an index of another kind than zarr writes by itself: "
            "offset and size of each chunk with a CRC-32C, at the end"
        )


def _at(sharding: ShardingCodec) -> str:
    """Return where a shard has its index: zarr up to 3.3 says it by an enumeration."""
    location: Any = sharding.index_location
    return str(getattr(location, "value", location))
