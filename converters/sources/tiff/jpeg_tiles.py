"""The JPEG tiles of a slide as files of their own, for transcoding that loses nothing."""

from typing import Any

from ..codestreams import jpeg_segments
from .photometric import JPEGS

__all__ = ["has_jpeg_tiles", "jpeg_file"]

_APP0, _APP14 = 0xE0, 0xEE
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_RGB = 2
_THREE_COMPONENTS = 3


def has_jpeg_tiles(keyframe: Any) -> bool:
    """Return whether every tile of a page is one JPEG.

    Those of NDPI are pieces of one, cut at restart markers: apart, they are not what was encoded.
    """
    is_jpeg = int(keyframe.compression) in JPEGS and keyframe.jpegheader is None
    return bool(is_jpeg and keyframe.is_tiled)


def jpeg_file(page: Any, tile: bytes) -> bytes:
    """Return the JPEG file that decodes to a tile's pixels: tables, and colours told.

    Aperio and others store RGB without the marker that says so, and only the page's photometric
    tells; decoders that see the stream alone would take it for YCbCr.
    """
    keyframe, tables = page.keyframe, page.jpegtables or _SOI + _EOI
    # Inside a scan, these two bytes are the end and nothing else.
    body = tile[: tile.rfind(_EOI) + 2]
    shared = tables[2:-2] if tables.endswith(_EOI) else tables[2:]
    markers = {marker for part in (tables, tile) for marker, _ in jpeg_segments(part)}
    told = b"" if _APP14 in markers else _adobe_marker(keyframe, has_jfif=_APP0 in markers)
    return _SOI + told + shared + body[2:]


def _adobe_marker(keyframe: Any, *, has_jfif: bool) -> bytes:
    """Return Adobe's segment that says RGB, if the page says so and the stream says nothing.

    A JFIF segment says YCbCr, whatever the page says; and so does saying nothing.
    """
    is_rgb = int(keyframe.photometric) == _RGB and not has_jfif
    if not is_rgb or keyframe.samplesperpixel != _THREE_COMPONENTS or keyframe.planarconfig != 1:
        return b""
    return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
