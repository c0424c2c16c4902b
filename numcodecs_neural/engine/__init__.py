"""The one lazy seam: chunks in, chunks out; weights loaded once per process and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_neural.coding.chunk import decode_chunk, encode_chunk
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.weights import by_id, resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode", "encode"]


def encode(array: NDArray[Any], *, weights: str, quality: int, channel_axis: int) -> bytes:
    """Encode one chunk.

    Parameters
    ----------
    array : ndarray
        (..., C, y, x) or (..., y, x, C), of a dtype and with channels that the weights take.
    weights : str
        Exact name, e.g. ``"he-fast-1"``.
    quality : int
        0 to 100.
    channel_axis : int
        -3 or -1.

    Raises
    ------
    WeightsError
        If the weights are not installed or their file is damaged.
    """
    coder = coder_for(resolve(weights))
    return encode_chunk(array, quality=quality, channel_axis=channel_axis, coder=coder)


def decode(chunk: bytes) -> NDArray[Any]:
    """Decode one chunk to an array of the shape, dtype and memory order that it was given in.

    Raises
    ------
    BitstreamError
        If the chunk is damaged, truncated, foreign or of a later version.
    WeightsError
        If the weights that wrote it are not installed.
    """
    return decode_chunk(chunk, lambda weights_id: coder_for(by_id(weights_id)))
