"""JPEG streams: bytes to a description and quantised coefficients."""

from collections.abc import Iterator

import numpy as np

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg.description import Coefficients, Description, Frame, Scan
from numcodecs_neural.jpeg.layout import block_count, split_coefficients
from numcodecs_neural.jpeg.reading.headers import colour_of, is_frame, read_frame, read_scan
from numcodecs_neural.jpeg.reading.scans import ScanReader
from numcodecs_neural.jpeg.reading.segments import (
    APP0,
    APP14,
    EOI,
    Segment,
    first_segments,
    segments_from,
)
from numcodecs_neural.jpeg.reading.tables import Tables

__all__ = ["MAX_BLOCKS", "MAX_SCANS", "read_header", "read_jpeg"]

MAX_BLOCKS = 1 << 21
"""Blocks of all components that a stream may have: 256 MiB of coefficients."""

MAX_SCANS = 256
"""Scans that a stream may have; progressive ones usually have about ten."""


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
        self._tables = Tables()
        for segment in first_segments(tables) if tables else ():
            self._tables.read(segment)
        # As for libjpeg, a restart interval ends with the stream that sets it.
        self._tables.restart_interval = 0
        self._colour_segments: list[Segment] = []
        self._scans: list[Scan] = []
        self._steps: dict[int, tuple[int, ...]] = {}
        self._frame: Frame | None = None
        self._reader: ScanReader | None = None

    def read(self) -> tuple[Description, Coefficients]:
        begin, segments = 0, first_segments(self._data, self._tolerance)
        while (last := self._read_segments(segments)).marker != EOI:
            end = self._read_scan(last, self._data[begin : last.end])
            begin, segments = end, segments_from(self._data, end, self._tolerance)
        if self._frame is None or self._reader is None:
            raise JpegError("JPEG stream has no image, only tables")
        self._reader.check_complete()
        description = self._describe(self._frame, tail=self._data[begin:])
        return description, split_coefficients(self._frame, self._reader.joined)

    def read_header(self) -> Description:
        last = self._read_segments(first_segments(self._data, self._tolerance))
        if self._frame is None or last.marker == EOI:
            raise JpegError("JPEG stream has no image, only tables")
        for position in range(len(self._frame.components)):
            self._find_steps(last, self._frame, position)
        return self._describe(self._frame, tail=b"")

    def _describe(self, frame: Frame, tail: bytes) -> Description:
        return Description(
            frame,
            colour_of(frame, self._colour_segments),
            tuple(self._steps[position] for position in range(len(frame.components))),
            tuple(self._scans),
            tail,
        )

    def _read_segments(self, segments: Iterator[Segment]) -> Segment:
        """Take in segments; return the last one, a scan's header or the end marker."""
        for segment in segments:
            self._tables.read(segment)
            if segment.marker in (APP0, APP14) and not self._scans:
                self._colour_segments.append(segment)
            if is_frame(segment):
                if self._frame is not None:
                    raise segment.error("a second frame header")
                self._frame = read_frame(segment)
        return segment

    def _read_scan(self, segment: Segment, head: bytes) -> int:
        if self._frame is None:
            raise segment.error("a scan before the frame header")
        if len(self._scans) == MAX_SCANS:
            raise UnsupportedJpegError(f"JPEG stream has more than {MAX_SCANS} scans")
        if self._reader is None:
            self._check_size(self._frame)
            stream = np.frombuffer(self._data, np.uint8)
            self._reader = ScanReader(self._frame, stream, self._tolerance)
        scan = read_scan(segment, self._frame, self._tables, head)
        self._scans.append(scan)
        for position in scan.components:
            self._find_steps(segment, self._frame, position)
        return self._reader.read(scan, segment.end)

    def _find_steps(self, segment: Segment, frame: Frame, position: int) -> None:
        """Keep the table of a component as it is when its first scan begins."""
        number = frame.components[position].table
        if position not in self._steps:
            if number not in self._tables.steps:
                raise segment.error(f"quantisation table {number} is not defined")
            self._steps[position] = self._tables.steps[number]

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
