"""CziBlocks: positions and bytes of the sub-blocks of a CZI file, found with czifile.

czifile was rewritten in 2026, for Python 3.12 and later; on 3.11 the last release is of 2019. Both
find the same sub-blocks, under other names. What a sub-block's bytes mean is in `decode`, since
the release of 2019 knows nothing of Zstandard.
"""

import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import czifile
import numpy as np

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.quiet import quiet
from numcodecs_neural.files.reasons import reason_of

__all__ = ["CZI_ERRORS", "Block", "CziBlocks"]

CZI_ERRORS: tuple[type[Exception], ...] = (
    *(AssertionError, AttributeError, EOFError, IndexError, KeyError, MemoryError, OSError),
    *(OverflowError, RuntimeError, TypeError, ValueError, struct.error),
    getattr(czifile, "SegmentNotFoundError", ValueError),
    getattr(czifile, "CziSegmentNotFoundError", ValueError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A tile of a plane.

    Parameters
    ----------
    index : int
        In the file's directory.
    indices : dict
        First index of each axis but y and x, by the letter that CZI has for it.
    y, x, height, width : int
        Where it lies, in pixels of level 0.
    stored : tuple of int
        Height and width in its own pixels: fewer, where it belongs to a reduced level.
    dtype : numpy.dtype
        Of the samples.
    samples : int
        1; 3 for BGR and 4 for BGRA.
    compression : int
        CZI's number for it.
    """

    index: int
    indices: dict[str, int]
    y: int
    x: int
    height: int
    width: int
    stored: tuple[int, int]
    dtype: np.dtype[Any]
    samples: int
    compression: int

    @property
    def scale(self) -> int:
        """How many pixels of level 0 one of its own is wide, rounded."""
        # Of the longer side, whose own rounding matters least.
        if self.stored[0] > self.stored[1]:
            return max(round(self.height / self.stored[0]), 1)
        return max(round(self.width / self.stored[1]), 1)

    @property
    def nbytes(self) -> int:
        """Size of its decoded pixels."""
        return self.stored[0] * self.stored[1] * self.samples * self.dtype.itemsize


class CziBlocks:
    """An open CZI file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    SourceError
        If it is no CZI file, damaged, empty, or one of several that hold an image together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            # What is missing is found by searching the file, as slow as that is.
            with quiet("czifile"):
                self._file = czifile.CziFile(str(path))
                self._read_directory()
        except CZI_ERRORS as exc:
            if hasattr(self, "_file"):
                self._file.close()
            raise SourceError(f"{path} cannot be read as a CZI file: {reason_of(exc)}") from exc
        if not self.blocks:
            self._file.close()
            raise SourceError(f"{path} is a CZI file without an image")
        if any(entry.file_part for entry in self._entries):
            self._file.close()
            raise SourceError(
                f"{path} is one of several files of an image: save it as a single CZI file"
            )

    def data(self, block: Block) -> bytes:
        """Return the stored bytes of a block; raises `CZI_ERRORS` if there are none."""
        entry = self._entries[block.index]
        with self._lock:
            return bytes(self._segment(entry).data(raw=True))

    def attachment(self, name: str) -> bytes | None:
        """Return the CZI file of this name that is inside this one, or None if there is none."""
        with self._lock, quiet("czifile"):
            for entry in self._file.attachment_directory:
                if entry.name == name and str(entry.content_file_type) == "CZI":
                    return bytes(self._segment(entry).data(raw=True))
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_directory(self) -> None:
        self._entries = list(self._file.subblock_directory)
        self.blocks = [_block(index, entry) for index, entry in enumerate(self._entries)]
        self.metadata = str(self._file.metadata() or "")

    def _segment(self, entry: Any) -> Any:
        """Return what the file says in front of a block's bytes."""
        read = getattr(entry, "read_segment_data", None)
        return entry.data_segment() if read is None else read(self._file)


def _block(index: int, entry: Any) -> Block:
    starts, sizes, stored = _dimensions(entry)
    dtype, samples = _pixel_type(entry)
    return Block(
        index=index,
        indices={axis: start for axis, start in starts.items() if axis not in "YX"},
        y=starts["Y"],
        x=starts["X"],
        height=sizes["Y"],
        width=sizes["X"],
        stored=(stored["Y"], stored["X"]),
        dtype=dtype,
        samples=samples,
        compression=getattr(entry.compression, "value", entry.compression),
    )


def _dimensions(entry: Any) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Return start, size and stored size of each dimension, by its letter."""
    found = getattr(entry, "dimension_entries", None)
    if found is not None:
        return (
            {dimension.dimension: dimension.start for dimension in found},
            {dimension.dimension: dimension.size for dimension in found},
            {dimension.dimension: dimension.stored_size for dimension in found},
        )
    # The last dimension is that of samples, under the letter of scenes.
    names = entry.dims[:-1]
    starts = dict(zip(names, entry.start, strict=False))
    indices = {"S": entry.scene_index, "M": entry.mosaic_index}
    starts |= {axis: index for axis, index in indices.items() if index >= 0}
    return (
        starts,
        dict(zip(names, entry.shape, strict=False)),
        dict(zip(names, entry.stored_shape, strict=False)),
    )


def _pixel_type(entry: Any) -> tuple[np.dtype[Any], int]:
    kind = entry.pixel_type
    if isinstance(kind, str):
        dtype = np.dtype(entry.dtype)
        return dtype.base, dtype.shape[0] if dtype.shape else 1
    return np.dtype(kind.dtype), int(kind.samples)
