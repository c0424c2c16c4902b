"""One chunk to an array, by the decoder of its mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from numcodecs_neural.coding.dec_lossy import LossyDecoder, decode_lossy
from numcodecs_neural.coding.dec_plain import decode_constant, decode_stored
from numcodecs_neural.coding.dec_planes import from_planes
from numcodecs_neural.format import Chunk, Mode

__all__ = ["DECODERS", "decode_chunk"]

_CoderOf = Callable[[bytes], LossyDecoder]

DECODERS: Mapping[Mode, Callable[[Chunk, _CoderOf], NDArray[Any]]] = MappingProxyType(
    {
        Mode.CONSTANT: decode_constant,
        Mode.LOSSY: decode_lossy,
        Mode.STORED: decode_stored,
    }
)
"""What makes planes (n, C, H, W) of the chunk's box, by mode."""


def decode_chunk(chunk: Chunk, coder_of: _CoderOf) -> NDArray[Any]:
    """Decode a chunk.

    Parameters
    ----------
    chunk : Chunk
    coder_of : callable
        Gives the coder of a weights id; called only for chunks that need one.

    Raises
    ------
    BitstreamError
        If its sections do not hold what its header says.
    """
    planes = DECODERS[chunk.header.mode](chunk, coder_of)
    return from_planes(planes, chunk.header)
