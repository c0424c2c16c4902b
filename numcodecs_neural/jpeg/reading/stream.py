"""JPEG streams: bytes to a description and quantised coefficients."""

import numpy as np

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg.description import Coefficients, Description, Frame
from numcodecs_neural.jpeg.layout import block_count, split_coefficients
from numcodecs_neural.jpeg.reading.heads import Heads
from numcodecs_neural.jpeg.reading.scans import ScanReader
from numcodecs_neural.jpeg.reading.segments import EOI, Segment, first_segments, segments_from

__all__ = ["MAX_BLOCKS", "read_header", "read_jpeg"]

MAX_BLOCKS = 1 << 21
"""Blocks of all components that a stream may have: 256 MiB of coefficients."""


def read_jpeg(
    data: bytes, *, tables: bytes = b"", max_blocks: int = MAX_BLOCKS, tolerance: int = 0
) -> tuple[Description, Coefficients]:
    """Read a JPEG stream down to its quantised coefficients.

    Parameters
    ----------
    data : bytes
        One image; what follows its end marker is kept in the description.
    tables : bytes
        A stream of tables alone that goes before, as a TIFF keeps it for all of its tiles.
    max_blocks : int
        Refuse images of more blocks. Memory is taken for as many blocks as the stream has bits,
        and no more.
    tolerance : int
        Bytes without meaning that may stand before each marker. Some encoders leave a few there;
        libjpeg passes over them with a warning, as over any number.

    Returns
    -------
    Description
        Frame, tables, scans, and the bytes around them.
    tuple of array
        An array a component: (block rows, block columns, 64).

    Raises
    ------
    JpegError
        The stream breaks the standard. Its subclasses `TruncatedJpegError` and
        `UnsupportedJpegError` say that it ends early, or is of a kind that is not read.
    """
    return _Reading(data, tables, max_blocks, tolerance).read()


def read_header(data: bytes, *, tables: bytes = b"", tolerance: int = 0) -> Description:
    """Read a JPEG stream up to its first scan, and no further.

    Parameters
    ----------
    data, tables, tolerance
        As in `read_jpeg`; of `data` what follows the header of the first scan may be missing.

    Returns
    -------
    Description
        Without scans and without a tail.

    Raises
    ------
    JpegError
        As in `read_jpeg`.
    """
    return _Reading(data, tables, MAX_BLOCKS, tolerance).read_header()


class _Reading:
    """The state of reading one stream."""

    def __init__(self, data: bytes, tables: bytes, max_blocks: int, tolerance: int) -> None:
        self._data = data
        self._max_blocks = max_blocks
        self._tolerance = tolerance
        self._heads = Heads(tables)
        self._reader: ScanReader | None = None

    def read(self) -> tuple[Description, Coefficients]:
        begin, segments = 0, first_segments(self._data, self._tolerance)
        while (last := self._heads.take(segments)).marker != EOI:
            end = self._read_scan(last, self._data[begin : last.end])
            begin, segments = end, segments_from(self._data, end, self._tolerance)
        if self._reader is None:
            raise JpegError("JPEG stream has no image, only tables")
        self._reader.check_complete()
        description = self._heads.description(self._data[begin:])
        return description, split_coefficients(description.frame, self._reader.joined)

    def read_header(self) -> Description:
        last = self._heads.take(first_segments(self._data, self._tolerance))
        if last.marker == EOI:
            raise JpegError("JPEG stream has no image, only tables")
        self._heads.find_steps(last)
        return self._heads.description(b"")

    def _read_scan(self, segment: Segment, head: bytes) -> int:
        frame, scan = self._heads.begin_scan(segment, head)
        if self._reader is None:
            self._check_size(frame)
            stream = np.frombuffer(self._data, np.uint8)
            self._reader = ScanReader(frame, stream, self._tolerance)
        return self._reader.read(scan, segment.end)

    def _check_size(self, frame: Frame) -> None:
        blocks = block_count(frame)
        if blocks > self._max_blocks:
            raise UnsupportedJpegError(
                f"JPEG stream has {frame.width} x {frame.height} samples in {blocks} blocks, "
                f"more than {self._max_blocks}"
            )
        if blocks > 8 * len(self._data):  # each takes a bit of DC at least
            raise JpegError(
                f"JPEG stream has {len(self._data)} bytes, too few for its {blocks} blocks"
            )
