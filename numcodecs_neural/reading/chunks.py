"""LevelChunks: the chunks of a level, decoded one by one in the thread that asks."""

import threading
import zlib
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ShardingCodec

from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.errors import BitstreamError, NeuralCodecError, SourceError
from numcodecs_neural.files.folder import is_url
from numcodecs_neural.omezarr.chunk_files import StoredChunks
from numcodecs_neural.omezarr.coverage import in_grid_of_chunks, is_stored
from numcodecs_neural.omezarr.lost_files import coverage_of, lost_text
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.omezarr.store import OPEN_ERRORS
from numcodecs_neural.zarr3 import NeuralImageCodec

from .regions import Index

__all__ = ["READ_ERRORS", "LevelChunks"]

# Codecs of all kinds decode here, each with errors of its own.
READ_ERRORS = (
    *OPEN_ERRORS,
    *(NeuralCodecError, ImportError, MemoryError, zlib.error),
)


class LevelChunks:
    """Chunks of one level, by their index along its axes; safe between threads, without a cache.

    Of an array that `NeuralImage` alone codes, chunks are read from their files and decoded in the
    thread that asks. All others take the way through zarr, and its event loop.

    Parameters
    ----------
    image : OpenedImage
    level : int
        0 is the finest.
    """

    def __init__(self, image: OpenedImage, level: int) -> None:
        self._image, self._level = image, level
        self._array: zarr.Array[Any] = image.levels[level]
        self.shape: tuple[int, ...] = tuple(self._array.shape)
        self.sides: tuple[int, ...] = tuple(self._array.chunks)
        self.dtype = np.dtype(self._array.dtype).newbyteorder("=")
        self._ends = tuple(
            -(-length // side) for length, side in zip(self.shape, self.sides, strict=True)
        )
        self._is_direct = _has_only_our_codec(self._array)
        # Of stores that others wrote nobody knows what is lost.
        knows_losses = bool(image.block)
        self._files = (
            StoredChunks(image.files.folder, image.paths[level], self._array)
            if self._is_direct or knows_losses
            else None
        )
        # Then coverage says what not to ask for.
        self._is_far = is_url(image.files.location)
        self._lock = threading.Lock()
        self._has_coverage = knows_losses
        self._stored: NDArray[np.bool_] | None = None

    def decode(self, index: Index) -> NDArray[Any]:
        """Return a chunk without what of it is beyond the image.

        What was never stored is a view of one sample of the fill value.

        Raises
        ------
        SourceError
            If the chunk is lost, damaged, or not to be decoded here.
        """
        try:
            return self._directly(index) if self._is_direct else self._through_zarr(index)
        except SourceError:
            raise
        except READ_ERRORS as exc:
            y, x = self._place(index)
            fails = "cannot be read" if isinstance(exc, OSError) else "does not decode"
            raise SourceError(
                f"{self._image.files.location}: the chunk at row {y}, column {x} of level "
                f"{self._level} {fails}: {exc}"
            ) from exc

    def decode_key(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Return the chunk that the cache knows by ``(kind, level, *index)``; see `decode`."""
        return self.decode(key[2:])

    def lengths(self, index: Index) -> tuple[int, ...]:
        """Return the shape of the part of a chunk that is inside the image."""
        return tuple(
            min(side, length - at * side)
            for at, side, length in zip(index, self.sides, self.shape, strict=True)
        )

    def check_index(self, index: Index) -> None:
        """Refuse the index of a chunk that is beyond the image.

        Raises
        ------
        SourceError
            Says which there are.
        """
        if len(index) != len(self._ends) or not all(
            0 <= at < end for at, end in zip(index, self._ends, strict=True)
        ):
            raise SourceError(
                f"{self._image.files.location}: level {self._level} has no chunk {index}; along "
                f"its axes it has {self._ends}"
            )

    def _directly(self, index: Index) -> NDArray[Any]:
        assert self._files is not None
        if self._is_far and self._was_never_stored(index):
            return self._fill(index)
        data = self._files.read(index)
        if data is None:
            return self._fill(index)
        codec = NeuralImage()
        chunk = codec.parse(data)
        header = chunk.header
        if header.shape != self.sides or header.dtype.newbyteorder("=") != self.dtype:
            raise BitstreamError(
                f"it holds {header.dtype.name} samples of shape {header.shape}, and its place in "
                f"this array is {self.dtype.name} of shape {self.sides}: it belongs to another "
                "array"
            )
        whole = codec.decode_parsed(chunk)
        inside = whole[tuple(slice(0, length) for length in self.lengths(index))]
        return np.ascontiguousarray(inside, dtype=self.dtype)

    def _through_zarr(self, index: Index) -> NDArray[Any]:
        starts = [at * side for at, side in zip(index, self.sides, strict=True)]
        selection = tuple(
            slice(start, start + length)
            for start, length in zip(starts, self.lengths(index), strict=True)
        )
        found = np.ascontiguousarray(self._array[selection], dtype=self.dtype)
        if (found == self._array.fill_value).all() and not (
            self._files is not None and self._files.size(index)
        ):
            return self._fill(index)
        return found

    def _fill(self, index: Index) -> NDArray[Any]:
        """Return what a chunk that is not there is, unless it is lost."""
        self._check_not_lost(index)
        # Zarr v2 has arrays whose fill value is not defined; then zarr reads 0.
        value = np.asarray(self._array.fill_value or 0).astype(self.dtype)
        return np.broadcast_to(value, self.lengths(index))

    def _check_not_lost(self, index: Index) -> None:
        stored = self._which_were_stored()
        if stored is None or not stored[index]:
            return
        y, x = self._place(index)
        location, key = self._image.files.location, "/".join(map(str, index))
        raise SourceError(lost_text(location, f"the chunk {key}", level=self._level, y=y, x=x))

    def _was_never_stored(self, index: Index) -> bool:
        stored = self._which_were_stored()
        return stored is not None and not stored[index]

    def _which_were_stored(self) -> NDArray[np.bool_] | None:
        """Return which chunks were stored; coverage is read when it is first asked for."""
        with self._lock:
            if self._has_coverage and self._stored is None:
                coverage = coverage_of(self._image, self._level)
                if coverage is not None:
                    coverage = in_grid_of_chunks(self._array, coverage)
                self._stored = None if coverage is None else is_stored(coverage)
                self._has_coverage = self._stored is not None
            return self._stored

    def _place(self, index: Index) -> tuple[int, int]:
        y, x = (at * side for at, side in zip(index[-2:], self.sides[-2:], strict=True))
        return y, x


def _has_only_our_codec(array: zarr.Array[Any]) -> bool:
    """Return whether a chunk's bytes are what `NeuralImage` alone made of its samples."""
    metadata: Any = array.metadata
    if metadata.zarr_format == 2:
        is_ours = isinstance(metadata.compressor, NeuralImage)
        return is_ours and not metadata.filters and metadata.order == "C"
    codecs = list(metadata.codecs)
    if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
        codecs = list(codecs[0].codecs)
    return len(codecs) == 1 and isinstance(codecs[0], NeuralImageCodec)
