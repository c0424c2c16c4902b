"""The one lazy seam: chunks in, chunks out; weights loaded once per process and device."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from numcodecs_neural.coding.dec_chunk import decode_chunk
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.engine.turns import turn
from numcodecs_neural.format import Mode
from numcodecs_neural.weights import WeightsInfo, by_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_neural.coding.enc_task import EncodeParameters
    from numcodecs_neural.format import Chunk

__all__ = ["decode", "decode_latents", "encode", "latents_count", "latents_of_pixels"]

# Modes that take their time without a coder, which would take a turn itself.
_WITHOUT_CODER = (Mode.EXACT, Mode.JPEG)


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
    with turn() if chunk.header.mode in _WITHOUT_CODER else nullcontext():
        return decode_chunk(chunk, lambda weights_id: coder_for(by_id(weights_id)))


def decode_latents(chunk: Chunk, weights: WeightsInfo, count: int) -> NDArray[np.float32]:
    """Return the first latents of a chunk's box, (n, count, h, w).

    Parameters
    ----------
    chunk : Chunk
    weights : WeightsInfo
        Of the array.
    count : int
        How many.

    Raises
    ------
    BitstreamError
        If the chunk breaks a rule of the format.
    WeightsError
        If the weights that wrote it are not installed.
    """
    from numcodecs_neural.coding import dec_latents

    return dec_latents.decode_latents(
        chunk, lambda weights_id: coder_for(by_id(weights_id)), weights.id, count
    )


def latents_of_pixels(
    planes: NDArray[Any], weights: WeightsInfo, count: int
) -> NDArray[np.float32]:
    """Return the same of samples (n, C, H, W) that no chunk holds; NaN if it is not known."""
    return coder_for(weights).latents_of_pixels(planes, count)


def latents_count(weights: WeightsInfo) -> int:
    """Return how many latents there are at each place; loads the weights."""
    return coder_for(weights).latents_count
