"""The markers of a JPEG file: with them and its coefficients the file comes back byte for byte."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import zarr

from numcodecs_neural.errors import ConfigError, JpegError, SourceError
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.jpeg import Coefficients, Description
from numcodecs_neural.jpeg.reading import read_heads, read_jpeg
from numcodecs_neural.jpeg.reading.segments import Segment, first_segments, segments_from
from numcodecs_neural.jpeg.writing import rewrite_jpeg

from ..options import OmeZarrVersion
from .arrays import write_plain

__all__ = ["JPEG_MARKERS", "SourceMarkers", "markers_of", "read_markers", "write_markers"]

JPEG_MARKERS = "jpeg_markers"
"""Where in the store they are, and under which name among its extras."""

SMALL_NBYTES = 64 << 10
LARGEST_SHARE = 0.05
"""Deflated markers are kept up to the former, or up to this share of the file."""

_APP0, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
# What segments hold that tell of the picture alone: its format, its colours.
_HARMLESS = ((_APP0, b"JFIF\0"), (_APP2, b"ICC_PROFILE\0"), (_APP14, b"Adobe"))


@dataclass(frozen=True, slots=True)
class SourceMarkers:
    """What a store keeps of a JPEG file beside its coefficients.

    Parameters
    ----------
    description : Description
        Its frame, tables, scans, and the bytes around its entropy-coded data.
    digest : str
        SHA-256 of the file, hexadecimal.
    """

    description: Description
    digest: str

    def is_file(self, data: bytes) -> bool:
        """Return whether these are the bytes of the file."""
        return hashlib.sha256(data).hexdigest() == self.digest


def markers_of(data: bytes, *, confidential: bool) -> Description | str:
    """Return the markers of a JPEG file that are to be kept, or why they are not.

    Parameters
    ----------
    data : bytes
        The file.
    confidential : bool
        Whether what may identify a patient may be kept. Without it, a file with comments, EXIF or
        other segments that hold text is not kept: without them, its bytes would be others.

    Returns
    -------
    Description or str
        The latter says what was found, in words that go behind a colon.
    """
    try:
        description, coefficients = read_jpeg(data)
        named = sorted({_name(segment) for segment in _telling(description)})
    except JpegError as exc:
        return f"it is not quite what the standard says ({exc})"
    if not confidential and named:
        return f"it has {', '.join(named)}, which may identify a patient (--confidential)"
    deflated = len(zlib.compress(b"".join(_pieces(description))))
    allowed = max(SMALL_NBYTES, int(LARGEST_SHARE * len(data)))
    if deflated > allowed:
        return f"its markers take {deflated} bytes deflated, more than {allowed}"
    if not _is_told(data, description, coefficients):
        return "its encoder wrote codes that its coefficients do not tell"
    return description


def write_markers(
    store: Folder, data: bytes, description: Description, version: OmeZarrVersion
) -> str:
    """Write the markers of a JPEG file into a store; return where.

    Parameters
    ----------
    data : bytes
        The file.
    """
    pieces = _pieces(description)
    attributes = {
        "media_type": "image/jpeg",
        "lengths": [len(piece) for piece in pieces],
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    values = np.frombuffer(b"".join(pieces), np.uint8)
    write_plain(store, JPEG_MARKERS, values, version, ("byte",), attributes=attributes)
    return JPEG_MARKERS


def read_markers(array: zarr.Array[Any]) -> SourceMarkers:
    """Return what `write_markers` wrote.

    Raises
    ------
    SourceError
        If it is damaged.
    """
    content = np.asarray(array[...]).tobytes()
    try:
        lengths: Any = array.attrs["lengths"]
        ends = [0, *accumulate(lengths)]
        pieces = [content[begin:end] for begin, end in pairwise(ends)]
        return SourceMarkers(read_heads(pieces), str(array.attrs["sha256"]))
    except (JpegError, LookupError, TypeError, ValueError) as exc:
        raise SourceError(f"the kept markers of the JPEG file are damaged: {exc}") from exc


def _is_told(data: bytes, description: Description, coefficients: Coefficients) -> bool:
    try:
        return rewrite_jpeg(description, coefficients) == data
    except ConfigError:
        return False


def _pieces(description: Description) -> list[bytes]:
    return [*(scan.head for scan in description.scans), description.tail]


def _segments(description: Description) -> Iterator[Segment]:
    for number, piece in enumerate(_pieces(description)):
        yield from segments_from(piece, 0) if number else first_segments(piece)


def _telling(description: Description) -> Iterator[Segment]:
    """Yield segments that may hold text; what follows the end marker stands as one, too."""
    for segment in _segments(description):
        is_harmless = any(
            segment.marker == marker and segment.content.startswith(begin)
            for marker, begin in _HARMLESS
        )
        if (_APP0 <= segment.marker <= _APP15 and not is_harmless) or segment.marker == _COM:
            yield segment
    behind = description.tail[_last_end(description.tail) :]
    if behind.strip(b"\0"):
        yield Segment(0, behind, 0, 0)


def _last_end(tail: bytes) -> int:
    """Return where the end marker of a tail ends."""
    return [segment.end for segment in segments_from(tail, 0)][-1]


def _name(segment: Segment) -> str:
    if segment.marker == 0:
        return "data behind its end"
    if segment.marker == _COM:
        return "a comment"
    kind = segment.content.partition(b"\0")[0][:16]
    text = kind.decode("ascii", "replace") if kind.isalnum() else ""
    return f"a segment APP{segment.marker - _APP0}" + (f" ({text})" if text else "")
