"""Marker segments of a JPEG stream."""

from collections.abc import Iterator
from typing import NamedTuple

from numcodecs_neural.errors import JpegError, TruncatedJpegError

__all__ = ["APP0", "APP14", "DHT", "DNL", "DQT", "DRI", "EOI", "RST0", "SOI", "SOS", "Segment"]

RST0, SOI, EOI, SOS, DQT, DNL, DRI, DHT = 0xD0, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xC4
APP0, APP14 = 0xE0, 0xEE
_JPEG_LS = 0xF7
# Between segments these stand for nothing: parts of data, a second start, and reserved numbers.
_NOT_SEGMENTS = {*range(0xC0), 0xC8, *range(RST0, EOI), *range(0xF0, 0xFE)} - {_JPEG_LS}


class Segment(NamedTuple):
    """A marker, the bytes that belong to it, and where it begins and ends in the stream."""

    marker: int
    content: bytes
    begin: int
    end: int

    def error(self, text: str) -> JpegError:
        """Return an error that says where this segment is."""
        return JpegError(f"JPEG segment {self.marker:#04x} at byte {self.begin}: {text}")


def first_segments(data: bytes, tolerance: int = 0) -> Iterator[Segment]:
    """Yield the segments from the start of a stream; end with a scan's header or the end marker.

    Before each there may be `tolerance` bytes that are no marker.
    """
    if data[:2] != bytes([0xFF, SOI]):
        raise JpegError(
            f"not a JPEG stream: it begins with {data[:2].hex() or 'nothing'}, not ffd8"
        )
    yield from segments_from(data, 2, tolerance)


def segments_from(data: bytes, place: int, tolerance: int = 0) -> Iterator[Segment]:
    """Yield segments that begin here, as `first_segments` does."""
    while True:
        segment = _segment_at(data, place, tolerance)
        yield segment
        if segment.marker in (SOS, EOI):
            return
        place = segment.end


def _segment_at(data: bytes, begin: int, tolerance: int) -> Segment:
    found = data.find(0xFF, begin, begin + tolerance + 1)
    place = begin if found < 0 else found
    if place < len(data) and data[place] != 0xFF:
        raise JpegError(
            f"JPEG stream has byte {data[place]:#04x} at {place}, where a marker belongs"
        )
    while place < len(data) and data[place] == 0xFF:  # a marker may be filled up in front
        place += 1
    if place >= len(data):
        raise TruncatedJpegError(f"JPEG stream ends at byte {len(data)}, without an end marker")
    marker, place = data[place], place + 1
    if marker == EOI:
        return Segment(marker, b"", begin, place)
    if marker in _NOT_SEGMENTS:
        raise JpegError(f"JPEG stream has marker {marker:#04x} at byte {begin}, out of place")
    length = int.from_bytes(data[place : place + 2], "big")
    if place + max(length, 2) > len(data):
        raise TruncatedJpegError(f"JPEG stream ends within segment {marker:#04x} at byte {begin}")
    if length < 2:
        raise JpegError(f"JPEG segment {marker:#04x} at byte {begin} has a length of {length}")
    return Segment(marker, data[place + 2 : place + length], begin, place + length)
