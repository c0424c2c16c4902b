"""The one lazy seam: chunks in, chunks out; weights loaded once per process and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_neural.coding.dec_chunk import decode_chunk
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.weights import WeightsInfo, by_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numcodecs_neural.coding.enc_task import EncodeParameters
    from numcodecs_neural.format import Chunk

__all__ = ["decode", "encode"]


def encode(array: NDArray[Any], weights: WeightsInfo, parameters: EncodeParameters) -> bytes:
    """Encode one chunk.

    Parameters
    ----------
    array : ndarray
        (..., C, y, x), (..., y, x, C) or (..., y, x), of a dtype and with channels that the
        weights take.
    weights : WeightsInfo
    parameters : EncodeParameters

    Raises
    ------
    WeightsError
        If the file of the weights is absent or damaged.
    """
    from numcodecs_neural.coding.enc_chunk import encode_chunk

    coder = coder_for(weights) if parameters.max_error is None else None
    return encode_chunk(array, parameters, coder)


def decode(chunk: Chunk) -> NDArray[Any]:
    """Decode one chunk to an array of the shape, dtype and memory order that it was given in.

    Raises
    ------
    BitstreamError
        If the chunk breaks a rule of the format.
    WeightsError
        If the weights that wrote it are not installed.
    """
    return decode_chunk(chunk, lambda weights_id: coder_for(by_id(weights_id)))
