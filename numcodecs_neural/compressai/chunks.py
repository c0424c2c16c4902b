"""The bitstream of one chunk: header, symbol streams, checksum.

::

    magic "NNCA" · version u8 · length of the chunk u32 · architecture u8 · flags u8 (1: order F)
    channel axis u8 (3 or 1: counted from the end) · axes u8 · margin value u8 · streams u8
    box height u32 · box width u32 · weights id 8 bytes · CRC-32C of the symbols u32
    shape u32 ... · lengths of the streams u32 ... · streams · CRC-32C of all before u32

Little-endian. The box is the part of the plane that the model coded; samples right of it and
below it are the margin value. The weights id is the beginning of the model file's SHA-256. The
symbols are int32, little-endian: those of the latents, then those of the hyper-latents.
"""

import struct
from dataclasses import dataclass

import numpy as np

from numcodecs_neural.compressai.architectures import Architecture, architecture_of_code
from numcodecs_neural.errors import (
    BitstreamError,
    ChecksumError,
    TruncatedChunkError,
    UnsupportedVersionError,
)
from numcodecs_neural.format.checksum import crc32c
from numcodecs_neural.format.header import MAX_NDIM, ChunkHeader
from numcodecs_neural.format.modes import Mode

__all__ = ["Chunk", "pack", "unpack"]

MAGIC = b"NNCA"
VERSION = 1

_PREFIX = struct.Struct("<4sBI")
_HEAD = struct.Struct("<BBBBBBII8sI")
_CHECKSUM = struct.Struct("<I")
_FORTRAN_ORDER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Content of a chunk.

    Parameters
    ----------
    arch : Architecture
    header : ChunkHeader
        Shape, box, margin, order, channel axis and weights id: what any chunk of images has.
    symbols_crc : int
        CRC-32C of the symbols that the streams stand for.
    streams : tuple of bytes
    """

    arch: Architecture
    header: ChunkHeader
    symbols_crc: int
    streams: tuple[bytes, ...]


def pack(chunk: Chunk) -> bytes:
    """Return the bytes of a chunk."""
    header, streams = chunk.header, chunk.streams
    head = _HEAD.pack(
        chunk.arch.code,
        _FORTRAN_ORDER * (header.order == "F"),
        -header.channel_axis,
        len(header.shape),
        header.margin_value,
        len(streams),
        *header.box,
        header.weights_id,
        chunk.symbols_crc,
    )
    numbers = (*header.shape, *map(len, streams))
    body = b"".join((head, struct.pack(f"<{len(numbers)}I", *numbers), *streams))
    nbytes = _PREFIX.size + len(body) + _CHECKSUM.size
    data = _PREFIX.pack(MAGIC, VERSION, nbytes) + body
    return data + _CHECKSUM.pack(crc32c(data))


def unpack(data: bytes) -> Chunk:
    """Return what `data` hold, once they are known to be undamaged.

    Raises
    ------
    TruncatedChunkError
        If they are shorter than they say.
    ChecksumError
        If a byte was changed.
    UnsupportedVersionError
        If a later release wrote them.
    BitstreamError
        If they are something else, or break a rule of the format.
    """
    body = _checked_body(data)
    if len(body) < _HEAD.size:
        raise TruncatedChunkError(f"chunk header needs {_HEAD.size} bytes; there are {len(body)}")
    code, flags, axis, ndim, margin_value, count, *rest = _HEAD.unpack_from(body)
    height, width, weights_id, symbols_crc = rest
    if flags & ~_FORTRAN_ORDER or axis not in (1, 3, 4) or ndim > MAX_NDIM:
        raise BitstreamError(
            f"chunk header has flags {flags:#04x}, channel axis -{axis} and {ndim} axes; expected "
            f"0x00 or 0x01, -1, -3 or -4, and at most {MAX_NDIM}"
        )
    streams_at = _HEAD.size + 4 * (ndim + count)
    if len(body) < streams_at:
        raise TruncatedChunkError(f"chunk header needs {streams_at} bytes; there are {len(body)}")
    numbers = struct.unpack_from(f"<{ndim + count}I", body, _HEAD.size)
    header = ChunkHeader(
        mode=Mode.LOSSY,
        dtype=np.dtype(np.uint8),
        shape=numbers[:ndim],
        box=(height, width),
        margin_value=margin_value,
        order="F" if flags else "C",
        channel_axis=-axis,
        weights_id=weights_id,
    )
    streams = _split(body[streams_at:], numbers[ndim:])
    arch = architecture_of_code(code)
    return Chunk(arch=arch, header=header, symbols_crc=symbols_crc, streams=streams)


def _checked_body(data: bytes) -> bytes:
    """Return what stands between prefix and checksum: only that is worth reading."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise BitstreamError(f"not a chunk: begins with {data[:4]!r}, expected {MAGIC!r}")
    least = _PREFIX.size + _CHECKSUM.size
    if len(data) < least:
        raise TruncatedChunkError(f"chunk has {len(data)} bytes; {least} are the least")
    _, version, nbytes = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise UnsupportedVersionError(f"chunk has version {version}; this release reads {VERSION}")
    if len(data) < nbytes:
        raise TruncatedChunkError(f"chunk has {len(data)} of its {nbytes} bytes")
    if len(data) > nbytes:
        raise BitstreamError(f"chunk of {nbytes} bytes has {len(data) - nbytes} bytes behind it")
    end = nbytes - _CHECKSUM.size
    if end < _PREFIX.size:
        raise BitstreamError(f"chunk says that it has {nbytes} bytes; {least} are the least")
    (expected,) = _CHECKSUM.unpack_from(data, end)
    found = crc32c(data[:end])
    if found != expected:
        raise ChecksumError(
            f"chunk is damaged: its CRC-32C is {found:08x}, the stored one {expected:08x}"
        )
    return data[_PREFIX.size : end]


def _split(data: bytes, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
    if len(data) != sum(lengths):
        raise BitstreamError(f"chunk has {len(data)} bytes of streams; its header says {lengths}")
    streams, at = [], 0
    for length in lengths:
        streams.append(data[at : at + length])
        at += length
    return tuple(streams)
