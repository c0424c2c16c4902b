"""A level as one JPEG file: that of the source byte for byte where its markers were kept."""

import struct

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.writing import rewrite_jpeg, write_baseline

from ..store.source_markers import SourceMarkers
from .cells import Tile
from .tiling import Tiling

__all__ = ["jpeg_file", "source_file"]

_APP2 = 0xE2
_PROFILE = b"ICC_PROFILE\0"
_SEGMENT_NBYTES = 65535 - 2
# The start of a stream, and the marker and length of the segment behind it.
_BEGIN_NBYTES = 2


def source_file(markers: SourceMarkers, tile: Tile) -> bytes | None:
    """Return the file that the markers were taken from; None if it does not come out the same."""
    try:
        data = rewrite_jpeg(markers.description, tile.coefficients)
    except ConfigError:
        # What is not stored was filled up: with other codes than its tables have.
        return None
    return data if markers.is_file(data) else None


def jpeg_file(tiling: Tiling, tile: Tile, profile: bytes | None) -> bytes:
    """Return a baseline file with these coefficients, and a colour profile."""
    data = write_baseline(tiling.frame, tiling.colour, tile.steps, tile.coefficients)
    if profile is None:
        return data
    # JFIF's segment comes first.
    (length,) = struct.unpack_from(">H", data, _BEGIN_NBYTES + 2)
    place = _BEGIN_NBYTES + 2 + length
    return data[:place] + _profile_segments(profile) + data[place:]


def _profile_segments(profile: bytes) -> bytes:
    """Return a profile as the ICC lays it into JPEG files, in numbered parts."""
    room = _SEGMENT_NBYTES - len(_PROFILE) - 2
    parts = [profile[n : n + room] for n in range(0, len(profile), room)]
    segments = []
    for number, part in enumerate(parts, start=1):
        content = _PROFILE + bytes([number, len(parts)]) + part
        segments.append(bytes([0xFF, _APP2]) + struct.pack(">H", len(content) + 2) + content)
    return b"".join(segments)
