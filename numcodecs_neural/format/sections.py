"""Container of an encoded chunk: header, sections, checksum (see SPEC.md, sections 2 and 3)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from numcodecs_neural.errors import (
    BitstreamError,
    ChecksumError,
    TruncatedChunkError,
    UnsupportedVersionError,
)
from numcodecs_neural.format.checksum import crc32c
from numcodecs_neural.format.header import ChunkHeader
from numcodecs_neural.format.modes import RULES, Mode

__all__ = [
    "HEAD_NBYTES",
    "MAGIC",
    "VERSION",
    "Chunk",
    "header_of",
    "mode_of",
    "pack_chunk",
    "unpack_chunk",
]

MAGIC = b"NNIC"
VERSION = 2

HEAD_NBYTES = 80
"""As many bytes hold the header of any chunk, and the first of its first section."""

_PREFIX = struct.Struct("<4sBI")  # magic, format version, length of the whole chunk
_LENGTH = struct.Struct("<I")
_CHECKSUM = struct.Struct("<I")
_MIN_NBYTES = _PREFIX.size + _CHECKSUM.size
_MAX_NBYTES = (1 << 32) - 1


class Chunk(NamedTuple):
    """An undamaged chunk: its header and its sections."""

    header: ChunkHeader
    sections: tuple[bytes, ...]


def pack_chunk(header: ChunkHeader, sections: Sequence[bytes]) -> bytes:
    """Return the chunk that holds `header` and `sections`.

    Raises
    ------
    BitstreamError
        If the number of sections is not that of the mode, or they are larger than 4 GiB.
    """
    count = RULES[header.mode].sections
    if len(sections) != count:
        raise BitstreamError(f"chunk would have {len(sections)} sections; expected {count}")
    body = b"".join((header.pack(), *(_LENGTH.pack(len(s)) + s for s in sections)))
    nbytes = _MIN_NBYTES + len(body)
    if nbytes > _MAX_NBYTES:
        raise BitstreamError(f"chunk would have {nbytes} bytes; the most are {_MAX_NBYTES}")
    chunk = _PREFIX.pack(MAGIC, VERSION, nbytes) + body
    return chunk + _CHECKSUM.pack(crc32c(chunk))


def mode_of(start: bytes) -> Mode:
    """Return the mode of a chunk from its first bytes; nothing else of it is checked.

    Raises
    ------
    BitstreamError
        If no chunk of this package starts so.
    """
    if start[: len(MAGIC)] != MAGIC or len(start) <= _PREFIX.size:
        raise BitstreamError(f"not a chunk of this package: it starts with {start[:10]!r}")
    if start[_PREFIX.size] not in list(Mode):
        raise UnsupportedVersionError(
            f"chunk has mode {start[_PREFIX.size]}, which is unknown here"
        )
    return Mode(start[_PREFIX.size])


def header_of(start: bytes) -> tuple[ChunkHeader, bytes]:
    """Return the header of a chunk from its first bytes, and what of them is behind it.

    Behind it are the length of the first section, in four bytes, and that section. Whether the
    chunk is undamaged is not known.

    Raises
    ------
    TruncatedChunkError
        If `start` ends before the header does, for which `HEAD_NBYTES` are enough.
    BitstreamError
        If no chunk of this package starts so.
    """
    mode_of(start)
    header = ChunkHeader.unpack(start[_PREFIX.size :])
    return header, start[_PREFIX.size + header.packed_nbytes :]


def unpack_chunk(chunk: bytes) -> Chunk:
    """Return the header and the sections of `chunk`, once all of it is known to be undamaged.

    Raises
    ------
    TruncatedChunkError
        If `chunk` is shorter than it says.
    ChecksumError
        If a byte was changed.
    UnsupportedVersionError
        If a later release wrote it.
    BitstreamError
        If it is something else, or breaks a rule of the format.
    """
    body = _checked_body(chunk)
    header = ChunkHeader.unpack(body)
    return Chunk(header, _split(body[header.packed_nbytes :], RULES[header.mode].sections))


def _checked_body(chunk: bytes) -> bytes:
    """Return what stands between prefix and checksum: only that is worth reading."""
    if chunk[: len(MAGIC)] != MAGIC[: len(chunk)]:
        raise BitstreamError(f"not a chunk: begins with {chunk[:4]!r}, expected {MAGIC!r}")
    if len(chunk) < _MIN_NBYTES:
        raise TruncatedChunkError(
            f"chunk has {len(chunk)} bytes; prefix and checksum alone need {_MIN_NBYTES}"
        )
    _, version, nbytes = _PREFIX.unpack_from(chunk)
    if version != VERSION:
        raise UnsupportedVersionError(
            f"chunk has format version {version}; this release reads version {VERSION}"
        )
    if len(chunk) < nbytes:
        raise TruncatedChunkError(f"chunk has {len(chunk)} of its {nbytes} bytes")
    if len(chunk) > nbytes:
        raise BitstreamError(f"chunk of {nbytes} bytes has {len(chunk) - nbytes} bytes behind it")
    end = nbytes - _CHECKSUM.size
    (expected,) = _CHECKSUM.unpack_from(chunk, end)
    found = crc32c(chunk[:end])
    if found != expected:
        raise ChecksumError(
            f"chunk is damaged: its CRC-32C is {found:08x}, the stored one {expected:08x}"
        )
    return chunk[_PREFIX.size : end]


def _split(data: bytes, count: int) -> tuple[bytes, ...]:
    """Return the `count` sections that `data` consists of."""
    sections = []
    for _ in range(count):
        if len(data) < _LENGTH.size:
            raise TruncatedChunkError("chunk ends before the length of a section does")
        end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        if len(data) < end:
            raise TruncatedChunkError(f"a section needs {end} bytes; its chunk has {len(data)}")
        sections.append(data[_LENGTH.size : end])
        data = data[end:]
    if data:
        raise BitstreamError(f"chunk has {len(data)} bytes behind its last section")
    return tuple(sections)
