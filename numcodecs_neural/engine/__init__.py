"""The one lazy seam: chunks in, chunks out; weights loaded once per process and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_neural.coding.chunk import decode_chunk, encode_chunk
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.weights import by_id, resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode", "encode"]


def encode(
    array: NDArray[Any],
    *,
    weights: str,
    quality: int,
    channel_axis: int | None,
    value_range: tuple[int, int] | None = None,
) -> bytes:
    """Encode one chunk.

    Parameters
    ----------
    array : ndarray
        (..., C, y, x), (..., y, x, C) or (..., y, x), of a dtype and with channels that the
        weights take.
    weights : str
        Exact name, e.g. ``"he-fast-1"``.
    quality : int
        0 to 100.
    channel_axis : int or None
        -4, -3, -1, or None for arrays without channels.
    value_range : (low, high), optional
        For samples of 16 bits: a grey level is no finer than this range of samples needs.

    Raises
    ------
    WeightsError
        If the weights are not installed or their file is damaged.
    """
    coder = coder_for(resolve(weights))
    return encode_chunk(
        array,
        quality=quality,
        channel_axis=channel_axis or 0,
        coder=coder,
        value_range=value_range,
    )


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
