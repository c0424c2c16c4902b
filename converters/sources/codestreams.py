"""JPEG, JPEG 2000 and WebP streams: how they were compressed, as their first bytes tell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .base import Compression

__all__ = ["compression_steps", "is_plain_ycc", "jpeg_quality"]

# Quantisation of luminance in the JPEG standard, annex K, which libjpeg scales by quality.
# fmt: off
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on
_COD = b"\xff\x52"


class _Chunk(NamedTuple):
    name: bytes
    size: int


def compression_steps(
    kind: str,
    data: bytes,
    *,
    raw_nbytes: int,
    tables: Mapping[int, Sequence[int]] | None = None,
) -> tuple[Compression, ...]:
    """Return the lossy step that a file of this kind was written with, if it was.

    Parameters
    ----------
    kind : str
        Name of the format as Pillow has it, or ``"JXL"``.
    data : bytes
        The file.
    raw_nbytes : int
        Size of the decoded pixels.
    tables : mapping, optional
        Quantisation tables of a JPEG.
    """
    ratio = round(raw_nbytes / len(data), 2)
    if kind in ("JPEG", "MPO"):
        quality = jpeg_quality(tables[0]) if tables and 0 in tables else None
        return (Compression(method="jpeg", quality=quality, ratio=ratio),)
    if kind == "WEBP" and _webp_is_lossy(data):
        return (Compression(method="webp", ratio=ratio),)
    if kind == "JPEG2000" and _jpeg2000_is_irreversible(data):
        return (Compression(method="jpeg2000", ratio=ratio),)
    if kind == "JXL":
        note = {"note": "the file does not tell whether it is lossless"}
        return (Compression(method="jpegxl", ratio=ratio, details=note),)
    return ()


def jpeg_quality(table: Sequence[int]) -> int | None:
    """Return the quality of libjpeg that makes exactly this table of luminance, or None.

    Examples
    --------
    >>> jpeg_quality([1] * 64)
    100
    >>> jpeg_quality([7] * 64) is None
    True
    """
    # Some readers return the table in the file's zigzag order, some in rows: sorted, both are one.
    found = sorted(table)
    return next((q for q in range(100, 0, -1) if sorted(_scaled(q)) == found), None)


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


def _scaled(quality: int) -> list[int]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((value * scale + 50) // 100, 1), 255) for value in _LUMINANCE]


def _webp_is_lossy(data: bytes) -> bool:
    return any(chunk.name in (b"VP8 ", b"ANMF") for chunk in _riff_chunks(data))


def _riff_chunks(data: bytes) -> Iterator[_Chunk]:
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield _Chunk(data[place : place + 4], size)
        place += 8 + size + size % 2


def _jpeg2000_is_irreversible(data: bytes) -> bool:
    """Return whether the 9-7 wavelet is used; with the 5-3 one, loss is possible but not told."""
    place = data.find(_COD, max(data.find(b"\xff\x4f\xff\x51"), 0))
    return place >= 0 and data[place + 13 : place + 14] == b"\0"
