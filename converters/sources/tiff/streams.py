"""What the first bytes of a compressed tile tell: of JPEG and JPEG 2000 streams."""

from collections.abc import Iterator
from typing import Any

__all__ = ["first_tile", "is_plain_ycc", "jpeg_segments", "luminance_table"]

_SOI, _EOI, _SOS, _DQT = 0xD8, 0xD9, 0xDA, 0xDB
_ALONE = frozenset({0x01, _SOI, *range(0xD0, 0xD8)})
_MAX_NBYTES = 1 << 20


def first_tile(page: Any) -> bytes:
    """Return the first tile of a page that is stored, at most 1 MB of it, or nothing.

    The file must be open.
    """
    stored = zip(page.dataoffsets, page.databytecounts, strict=False)
    offset, size = next(((at, n) for at, n in stored if at and n), (0, 0))
    if page.parent.filehandle.closed:
        return b""
    page.parent.filehandle.seek(offset)
    data: bytes = page.parent.filehandle.read(min(size, _MAX_NBYTES))
    return data


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of the segments of a JPEG, up to the start of its scan."""
    place = 0
    while place + 1 < len(data) and data[place] == 0xFF:
        marker, place = data[place + 1], place + 2
        if marker in (_EOI, _SOS):
            return
        if marker not in _ALONE:
            size = int.from_bytes(data[place : place + 2], "big")
            yield marker, data[place + 2 : place + size]
            place += max(size, 2)


def luminance_table(data: bytes) -> list[int] | None:
    """Return the quantisation table 0 of a JPEG, or of tables apart from it; None without one."""
    for marker, content in jpeg_segments(data):
        while marker == _DQT and content:
            precision, number = content[0] >> 4, content[0] & 15
            values, content = content[1 : 65 + 64 * precision], content[65 + 64 * precision :]
            if number == 0:
                step = precision + 1
                pieces = (values[n : n + step] for n in range(0, len(values), step))
                return [int.from_bytes(piece, "big") for piece in pieces]
    return None


def is_plain_ycc(data: bytes) -> bool:
    """Return whether a JPEG 2000 stream whose three components are YCbCr decodes to just that.

    A decoder undoes a colour transform that the stream declares, and knows components at half the
    resolution for chroma. Without either, it cannot tell YCbCr from RGB.
    """
    sizes, style = data.find(b"\xff\x51"), data.find(b"\xff\x52")
    if sizes < 0 or style < 0 or data[sizes + 38 : sizes + 40] != b"\0\x03":
        return False
    steps = [data[sizes + 41 + 3 * n : sizes + 43 + 3 * n] for n in range(3)]
    return all(step == b"\x01\x01" for step in steps) and data[style + 8 : style + 9] == b"\0"
