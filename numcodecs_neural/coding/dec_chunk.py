"""One chunk to an array, by the decoder of its mode."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_exact import decode_exact
from numcodecs_neural.coding.dec_lossy import LossyDecoder, decode_lossy
from numcodecs_neural.coding.dec_plain import decode_constant, decode_stored
from numcodecs_neural.format import Chunk, ChunkHeader, Mode

__all__ = ["DECODERS", "decode_chunk", "from_planes"]

_CoderOf = Callable[[bytes], LossyDecoder]


def _decode_jpeg(chunk: Chunk, coder_of: _CoderOf) -> NDArray[Any]:
    """Import what JPEG tiles take with the first of them: few arrays have any."""
    from numcodecs_neural.coding.dec_jpeg import decode_jpeg

    return decode_jpeg(chunk, coder_of)


DECODERS: Mapping[Mode, Callable[[Chunk, _CoderOf], NDArray[Any]]] = MappingProxyType(
    {
        Mode.CONSTANT: decode_constant,
        Mode.LOSSY: decode_lossy,
        Mode.EXACT: decode_exact,
        Mode.STORED: decode_stored,
        Mode.JPEG: _decode_jpeg,
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


def from_planes(planes: NDArray[Any], header: ChunkHeader) -> NDArray[Any]:
    """Return the decoded chunk from the planes of its box: margins added, layout restored."""
    height, width = header.plane
    if header.box != header.plane:
        whole = np.full((*planes.shape[:2], height, width), header.margin_value, planes.dtype)
        whole[..., : header.box[0], : header.box[1]] = planes
        planes = whole
    if header.channel_axis:
        others = list(header.shape)
        channels = others.pop(header.channel_axis)
        array = planes.reshape(*others[:-2], channels, *others[-2:])
        array = np.moveaxis(array, -3, header.channel_axis)
    else:
        array = planes.reshape(header.shape)
    laid_out = np.asarray(array, dtype=header.dtype, order=header.order)
    # One value for a whole plane takes no memory until here; of a single pixel it is still shared.
    return laid_out if laid_out.flags.writeable else laid_out.copy()
