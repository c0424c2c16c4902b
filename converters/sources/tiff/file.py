"""TIFF files: opened for their structure, then read by ranges of bytes."""

import logging
import re
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import tifffile

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.reasons import reason_of

__all__ = [
    "DECODE_ERRORS",
    "ByteReader",
    "axes_and_shape",
    "decode_reason",
    "first_tile",
    "opened",
    "series_in",
]

# Damaged files run into all of these; imagecodecs roots its errors in RuntimeError, and in
# ImportError where a codec was left out of its build. XML that is broken is a SyntaxError.
DECODE_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error),
    tifffile.TiffFileError,
)
# A set of files may have thousands, and a process may open about that many.
MAX_OPEN_FILES = 32
_FIRST_TILE_NBYTES = 1 << 20
_NDPI_TAG = 65420
_BINARY_ONLY = re.compile(r"<(?:\w+:)?BinaryOnly\b[^>]*\bMetadataFile\s*=\s*[\"']([^\"']+)")


class ByteReader:
    """Reads pieces of files, and keeps the latest few files open; safe between threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, BinaryIO] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Return `size` bytes at `offset`, or fewer where the file ends.

        Raises
        ------
        SourceError
            If the file cannot be opened or read.
        """
        with self._lock:
            try:
                file = self._open(path)
                file.seek(offset)
                return file.read(size)
            except (OSError, OverflowError, ValueError) as exc:
                raise SourceError(
                    f"{path} cannot be read at byte {offset}: {reason_of(exc)}"
                ) from exc

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()

    def _open(self, path: Path) -> BinaryIO:
        if path not in self._files:
            self._files[path] = path.open("rb")
            if len(self._files) > MAX_OPEN_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return self._files[path]


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; of an OME-TIFF whose description is in another file, with that.

    Raises
    ------
    SourceError
        If it is no TIFF, or its description is not there.
    """
    tiff = _open(path)
    try:
        described_in = _BINARY_ONLY.search(tiff.ome_metadata or "")
        if described_in is not None:
            tiff.close()
            tiff = _open_described(path, path.parent / Path(described_in[1]).name)
        yield tiff
    finally:
        tiff.close()


def series_in(tiff: tifffile.TiffFile) -> list[Any]:
    """Return all series of pages, with their axes of length 1."""
    found: Any = tiff.series
    # A list until tifffile 2026.10; later an object that is called for series of this form.
    return list(found(squeeze=False) if callable(found) else found)


def axes_and_shape(series: Any) -> tuple[str, tuple[int, ...]]:
    """Return axes and shape of a series of `series_in`, axes of length 1 included."""
    if hasattr(series, "get_axes"):  # until tifffile 2026.10
        return series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    return series.axes, series.shape


def first_tile(page: Any) -> bytes:
    """Return the first tile of a page that is stored, at most 1 MB of it, or nothing.

    The file must be open.
    """
    stored = zip(page.dataoffsets, page.databytecounts, strict=False)
    offset, size = next(((at, n) for at, n in stored if at and n), (0, 0))
    if page.parent.filehandle.closed:
        return b""
    page.parent.filehandle.seek(offset)
    data: bytes = page.parent.filehandle.read(min(size, _FIRST_TILE_NBYTES))
    return data


def decode_reason(error: Exception) -> str:
    """Return why a tile or a picture does not decode."""
    # Where tifffile decodes, its own errors are of one kind, and tell the shapes of its arrays.
    if isinstance(error, tifffile.TiffFileError):
        return "its data hold another number of pixels than they should"
    return reason_of(error)


def _open(path: Path, omexml: str | None = None) -> tifffile.TiffFile:
    logger = logging.getLogger("tifffile")
    if not logger.handlers:
        # Python prints what nobody handles. What matters of it is in our errors.
        logger.addHandler(logging.NullHandler())
    try:
        return _open_by_content(path, omexml)
    except DECODE_ERRORS as exc:
        raise SourceError(f"{path} cannot be read as a TIFF file: {reason_of(exc)}") from exc


def _open_by_content(path: Path, omexml: str | None) -> tifffile.TiffFile:
    """Open a file; offsets of NDPI are longer, which tifffile takes from the file's suffix."""
    tiff = tifffile.TiffFile(path, omexml=omexml)
    try:
        is_ndpi = bool(tiff.pages) and _NDPI_TAG in tiff.pages.first.tags
    except DECODE_ERRORS:
        is_ndpi = False
    if tiff.tiff.is_ndpi == is_ndpi:
        return tiff
    tiff.close()
    return tifffile.TiffFile(path, omexml=omexml, is_ndpi=is_ndpi)


def _open_described(path: Path, description: Path) -> tifffile.TiffFile:
    if not description.is_file():
        raise SourceError(
            f"{path} is one file of a set that {description.name} describes, and that is not "
            "beside it: put all files of the set into one folder"
        )
    if description.suffix.lower() in (".tif", ".tiff", ".btf", ".tf2", ".tf8"):
        return _open(description)
    try:
        text = description.read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise SourceError(f"{description} cannot be read as OME-XML: {exc}") from exc
    return _open(path, omexml=text)
