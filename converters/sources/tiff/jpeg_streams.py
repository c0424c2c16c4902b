"""JPEG tiles of TIFF pages: their streams, with the tables and colours that the page tells."""

from typing import Any

from numcodecs_neural.jpeg import Colour, Description

from ..jpeg.parsed import ParsedJpeg, parse_jpeg, parse_jpeg_header, whole_piece

__all__ = ["has_end", "parse_tile", "parse_tile_header"]

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


def parse_tile_header(page: Any, data: bytes) -> Description:
    """Return what a JPEG tile says before its scan, of which `data` need hold no more.

    Errors are those of `parse_tile`.
    """
    header = page.keyframe.jpegheader
    return parse_jpeg_header(data if header is None else header, tables=page.jpegtables or b"")


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
