"""PlainArray: an array of a store, whose chunks are handed out decoded."""

import os
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import numpy as np
import zarr
from numcodecs.registry import get_codec
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.chunk_files import EMPTY, StoredChunks
from numcodecs_neural.omezarr.coverage import file_shape
from numcodecs_neural.omezarr.store import ZarrFiles

from .form import Form
from .links import local_file
from .plain import ZSTD_LEVEL, as_json, plain_v2, plain_v3
from .shards import ShardLayout, index_of

__all__ = ["Place", "PlainArray", "read_by_zarr"]

Place = tuple[int, ...]
# Longer numbers are in no grid, and Python would take its time to read them.
_MOST_DIGITS = 10
# Of what lies behind a URL, no change is seen: what clients keep is good while the server runs.
_OF_THIS_PROCESS = os.urandom(8).hex()


class PlainArray:
    """One array.

    Parameters
    ----------
    files : ZarrFiles
        The store.
    path : str
        Of the array in it.
    array : zarr.Array
    form : Form
        How chunks are shown.
    decode : callable, optional
        Returns a chunk by its place, without what of it is beyond the array; by default zarr
        does.
    was_stored : ndarray of bool, optional
        Which chunks were stored, if that is known.

    Raises
    ------
    SourceError
        If its samples are no numbers.
    """

    def __init__(
        self,
        files: ZarrFiles,
        path: str,
        array: zarr.Array[Any],
        form: Form,
        *,
        decode: Callable[[Place], NDArray[Any]] | None = None,
        was_stored: NDArray[np.bool_] | None = None,
    ) -> None:
        if array.dtype.kind not in "biuf":
            raise SourceError(
                f"{files.location}: the array {path} has samples of {array.dtype}; integers, "
                "floats and booleans can be shown"
            )
        self._files, self._path, self._array, self._form = files, path, array, form
        self._decode = decode or read_by_zarr(array)
        self._was_stored = was_stored
        self._dtype = array.dtype.newbyteorder("<")
        self._is_v3 = array.metadata.zarr_format == 3
        self._per_file = tuple(
            whole // part for whole, part in zip(file_shape(array), array.chunks, strict=True)
        )
        self._grid = _grid(array.shape, array.chunks)
        self.document = self._plain()
        self._stamp = blake2b(as_json(self.document), digest_size=16)
        self._stamp.update(f"{version('numcodecs-neural')} {version('numcodecs')}".encode())

    @property
    def has_shards(self) -> bool:
        """Whether clients see shards."""
        return self._form.sharded and self._is_v3 and self._array.shards is not None

    @property
    def metadata_name(self) -> str:
        """Name of the file that `document` is the content of."""
        return "zarr.json" if self._is_v3 else ".zarray"

    def place_of(self, key: tuple[str, ...]) -> Place | None:
        """Return which chunk, or shard, is asked for by the parts of a path below the array.

        None where it is no key of this array.
        """
        if self._is_v3:
            if key[:1] != ("c",):
                return None
            key = key[1:]
        grid = _grid(self._array.shape, file_shape(self._array)) if self.has_shards else self._grid
        if len(key) != len(grid) or not all(map(_is_index, key)):
            return None
        place = tuple(map(int, key))
        return place if all(at < count for at, count in zip(place, grid, strict=True)) else None

    def etag(self, place: Place) -> str:
        """Return what changes when the bytes at `place` do: with their file, and how it is shown.

        Raises
        ------
        SourceError
            If the file lies outside of the store.
        """
        stamp = self._stamp.copy()
        stamp.update(f"{self._path}/{place} {self._file_stamp(place)}".encode())
        return f'"{stamp.hexdigest()}"'

    def chunk(self, place: Place) -> bytes | None:
        """Return the bytes of a chunk, or None where it is empty.

        Raises
        ------
        SourceError
            If it was stored and is lost, or does not decode.
        """
        pixels = self._decode(place)
        fill = self._array.fill_value
        if fill is not None and _is_all(pixels, fill):
            return None
        return self._encoded(pixels)

    def chunk_in_shard(self, place: Place) -> bytes:
        """Return the bytes of a chunk of a shard that clients see, empty or not."""
        return self._encoded(self._decode(place))

    def shard_index(self, place: Place) -> bytes | None:
        """Return the index of a shard as clients see it, or None where it has no chunk.

        Raises
        ------
        SourceError
            If the index of the stored shard is damaged.
        """
        is_there = self._chunks_there(place, self._first_in(place))
        return index_of(is_there, self._nbytes) if is_there.any() else None

    def shard_layout(self, place: Place, index: bytes) -> ShardLayout:
        """Return where the chunks of a shard lie, of which this is the index."""
        return ShardLayout.of(index, self._first_in(place), self._per_file, self._nbytes)

    def _plain(self) -> dict[str, Any]:
        stored = self._files.json(f"{self._path}/{self.metadata_name}") or {}
        chunk = self._array.chunks
        if not self._is_v3:
            return plain_v2(stored, chunk=chunk, dtype=self._dtype.str, form=self._form)
        return plain_v3(
            stored,
            chunk=chunk,
            shard=self._array.shards if self.has_shards else None,
            itemsize=self._dtype.itemsize,
            form=self._form,
        )

    @property
    def _nbytes(self) -> int:
        return int(np.prod(self._array.chunks)) * self._dtype.itemsize

    def _encoded(self, pixels: NDArray[Any]) -> bytes:
        """Return the bytes of a chunk at its full size: beyond the array it has the fill value."""
        whole = pixels
        if pixels.shape != self._array.chunks:
            whole = np.full(self._array.chunks, self._array.fill_value or 0, self._dtype)
            whole[tuple(slice(0, length) for length in pixels.shape)] = pixels
        data = whole.astype(self._dtype, copy=False).tobytes()
        if self._form.compression == "zstd":
            return bytes(get_codec({"id": "zstd", "level": ZSTD_LEVEL}).encode(data))
        return data

    def _first_in(self, shard: Place) -> Place:
        return tuple(at * count for at, count in zip(shard, self._per_file, strict=True))

    def _chunks_there(self, shard: Place, first: Place) -> NDArray[np.bool_]:
        """Return which chunks of a shard a client gets, in the grid of the shard."""
        is_there = self._stored_chunks(shard)
        ends = (length - at for at, length in zip(first, self._grid, strict=True))
        inside = tuple(
            slice(0, min(end, count)) for end, count in zip(ends, self._per_file, strict=True)
        )
        found = np.zeros_like(is_there)
        found[inside] = is_there[inside]
        if self._was_stored is not None:
            # Those that are lost, too: they are an error when they are read, and not empty.
            part = (slice(at, at + n) for at, n in zip(first, self._per_file, strict=True))
            found[inside] |= self._was_stored[tuple(part)]
        return found

    def _stored_chunks(self, shard: Place) -> NDArray[np.bool_]:
        try:
            stored = StoredChunks(self._files.folder, self._path, self._array)
        except SourceError:
            # Its index is written in a way that is not read here: those not there are then sent.
            return np.ones(self._per_file, bool)
        there: NDArray[np.bool_] = stored.shard_index(shard)[..., 0] != EMPTY
        return there

    def _file_stamp(self, place: Place) -> str:
        if not self.has_shards:
            place = tuple(at // count for at, count in zip(place, self._per_file, strict=True))
        key = f"{self._path}/{self._array.metadata.encode_chunk_key(place)}"
        file = local_file(self._files, key)
        if file is None:
            return _OF_THIS_PROCESS
        try:
            found = file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        return f"{found.st_mtime_ns} {found.st_size}"


def read_by_zarr(array: zarr.Array[Any]) -> Callable[[Place], NDArray[Any]]:
    """Return a function that reads a chunk by its place, without what of it is beyond the array."""

    def read(place: Place) -> NDArray[Any]:
        sides = zip(place, array.chunks, strict=True)
        return np.asarray(array[tuple(slice(at * side, (at + 1) * side) for at, side in sides)])

    return read


def _is_index(text: str) -> bool:
    """Whether a text is an index as Zarr writes it: no sign, no leading zero, ASCII."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return is_number and (text == "0" or not text.startswith("0"))


def _is_all(pixels: NDArray[Any], fill: Any) -> bool:
    if pixels.dtype.kind == "f" and np.isnan(fill):
        return bool(np.isnan(pixels).all())
    return bool((pixels == fill).all())


def _grid(shape: tuple[int, ...], part: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-length // side) for length, side in zip(shape, part, strict=True))
