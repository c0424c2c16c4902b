"""The bitstream of one chunk; see SPEC.md."""

from numcodecs_neural.format.header import MAX_CHUNK_NBYTES, NO_WEIGHTS, ChunkHeader
from numcodecs_neural.format.modes import Mode
from numcodecs_neural.format.sections import (
    HEAD_NBYTES,
    Chunk,
    header_of,
    mode_of,
    pack_chunk,
    unpack_chunk,
)

__all__ = [
    "HEAD_NBYTES",
    "MAX_CHUNK_NBYTES",
    "NO_WEIGHTS",
    "Chunk",
    "ChunkHeader",
    "Mode",
    "header_of",
    "mode_of",
    "pack_chunk",
    "unpack_chunk",
]
