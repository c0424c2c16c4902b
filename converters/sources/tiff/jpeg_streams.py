"""JPEG tiles of TIFF pages: their streams, with the tables and colours that the page tells."""

from typing import Any

from numcodecs_neural.jpeg import Colour

from ..jpeg.parsed import ParsedJpeg, parse_jpeg, whole_piece

__all__ = ["has_end", "parse_tile"]

_RGB = 2
# Tiles may be padded.
_MAX_AFTER_END = 1024


def parse_tile(page: Any, data: bytes) -> ParsedJpeg:
    """Return a JPEG tile as coefficients, whose pixels are those that tifffile decodes.

    Raises
    ------
    UnsupportedJpegError
        If it is of a kind that is not read down to coefficients.
    JpegError
        If it is damaged.
    """
    header = page.keyframe.jpegheader
    stream = data if header is None else whole_piece(data, header)
    return parse_jpeg(stream, tables=page.jpegtables or b"", colour=_told_colour(page.keyframe))


def has_end(page: Any, data: bytes) -> bool:
    """Return whether JPEG data have the marker that ends them, be there bytes after it or not.

    A piece of a larger JPEG, as in NDPI, ends with a restart marker.
    """
    if b"\xff\xd9" in data[-_MAX_AFTER_END:]:
        return True
    end = data.rstrip(b"\0\xff")[-2:]
    is_piece = page.keyframe.jpegheader is not None
    return is_piece and len(end) == 2 and end[0] == 0xFF and 0xD0 <= end[1] <= 0xD7


def _told_colour(keyframe: Any) -> Colour | None:
    """Return RGB where tifffile takes the page's word for it, whatever the streams say.

    It does so unless the first tile has a JFIF segment, which makes it YCbCr: Aperio's have none.
    """
    is_told = int(keyframe.photometric) == _RGB and not keyframe.extrasamples
    return Colour.RGB if is_told and not keyframe.is_jfif else None
