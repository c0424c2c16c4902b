"""What a JPEG stream says before and between its entropy-coded data."""

from collections.abc import Iterable, Iterator, Sequence

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg.description import Description, Frame, Scan
from numcodecs_neural.jpeg.reading.headers import colour_of, is_frame, read_frame, read_scan
from numcodecs_neural.jpeg.reading.segments import (
    APP0,
    APP14,
    EOI,
    SOS,
    Segment,
    first_segments,
    segments_from,
)
from numcodecs_neural.jpeg.reading.tables import Tables

__all__ = ["MAX_SCANS", "Heads", "read_heads"]

MAX_SCANS = 256
"""Scans that a stream may have; progressive ones usually have about ten."""


class Heads:
    """The segments of a stream as they come, up to its description.

    Parameters
    ----------
    tables : bytes
        A stream of tables alone that goes before.
    """

    def __init__(self, tables: bytes = b"") -> None:
        self._tables = Tables()
        for segment in first_segments(tables) if tables else ():
            self._tables.read(segment)
        # As for libjpeg, a restart interval ends with the stream that sets it.
        self._tables.restart_interval = 0
        self._colour_segments: list[Segment] = []
        self._scans: list[Scan] = []
        self._steps: dict[int, tuple[int, ...]] = {}
        self._frame: Frame | None = None

    def take(self, segments: Iterator[Segment]) -> Segment:
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

    def begin_scan(self, segment: Segment, head: bytes) -> tuple[Frame, Scan]:
        """Return the scan that a header declares, and its frame.

        Parameters
        ----------
        segment : Segment
            The scan's header, which `take` returned.
        head : bytes
            All that precedes the scan's data since the scan before.
        """
        if self._frame is None:
            raise segment.error("a scan before the frame header")
        if len(self._scans) == MAX_SCANS:
            raise UnsupportedJpegError(f"JPEG stream has more than {MAX_SCANS} scans")
        scan = read_scan(segment, self._frame, self._tables, head)
        self._scans.append(scan)
        self._find_steps(segment, self._frame, scan.components)
        return self._frame, scan

    def find_steps(self, segment: Segment) -> None:
        """Take the quantisation tables of all components as they are now, at this scan's header."""
        if self._frame is None:
            raise segment.error("a scan before the frame header")
        self._find_steps(segment, self._frame, range(len(self._frame.components)))

    def description(self, tail: bytes) -> Description:
        """Return all that was said; each component must have had a scan."""
        if self._frame is None or len(self._steps) < len(self._frame.components):
            raise JpegError("JPEG stream has no image, only tables")
        return Description(
            self._frame,
            colour_of(self._frame, self._colour_segments),
            tuple(self._steps[position] for position in range(len(self._frame.components))),
            tuple(self._scans),
            tail,
        )

    def _find_steps(self, segment: Segment, frame: Frame, positions: Iterable[int]) -> None:
        """Keep the table of each component as it is when its first scan begins."""
        for position in positions:
            number = frame.components[position].table
            if position not in self._steps:
                if number not in self._tables.steps:
                    raise segment.error(f"quantisation table {number} is not defined")
                self._steps[position] = self._tables.steps[number]


def read_heads(pieces: Sequence[bytes]) -> Description:
    """Return the description of a stream whose entropy-coded data are left out.

    Parameters
    ----------
    pieces : sequence of bytes
        The head of each scan, then the tail, as a description has them.

    Raises
    ------
    JpegError
        If they are not what a stream has there.
    """
    heads = Heads()
    *before, tail = pieces
    for number, piece in enumerate(before):
        segment = heads.take(segments_from(piece, 0) if number else first_segments(piece))
        if segment.marker != SOS or segment.end != len(piece):
            raise JpegError(f"head {number} of a JPEG stream does not end with a scan's header")
        heads.begin_scan(segment, piece)
    if heads.take(segments_from(tail, 0)).marker != EOI:
        raise JpegError("the tail of a JPEG stream goes on with another scan")
    return heads.description(tail)
