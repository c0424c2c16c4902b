"""One chunk to bytes and back: the mode is chosen here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_plain import (
    constant_payload,
    decode_constant,
    decode_stored,
    stored_payload,
)
from numcodecs_neural.coding.dec_planes import constant_box, from_planes, to_planes
from numcodecs_neural.coding.enc_levels import Levels, levels_of, to_pixels, to_samples
from numcodecs_neural.coding.enc_parameters import EncodeParameters
from numcodecs_neural.errors import BitstreamError, ConfigError
from numcodecs_neural.format import Chunk, ChunkHeader, Mode, pack_chunk
from numcodecs_neural.format.header import NO_WEIGHTS
from numcodecs_neural.networks.description import Pixels

MAX_LOSSY_PIXELS = 1 << 26
"""Of all images of a chunk: the networks need some hundred bytes for each."""

__all__ = ["LossyCoder", "decode_chunk", "encode_chunk"]


class LossyCoder(Protocol):
    """Loaded weights that code images; `weights_id` is theirs.

    Their pixels are grey levels with `pixel_fraction` bits below them: uint8 without such bits,
    else uint16.
    """

    weights_id: bytes
    channels: int
    pixel_fraction: int

    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes:
        """Return the symbol stream of pixels (n, C, H, W)."""
        ...

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels:
        """Return pixels (n, C, H, W) for ``shape = (n, H, W)``."""
        ...


def encode_chunk(array: NDArray[Any], parameters: EncodeParameters, coder: LossyCoder) -> bytes:
    """Encode a chunk in the mode that suits it.

    Parameters
    ----------
    array : ndarray
        (..., C, y, x), (..., C, z, y, x), (..., y, x, C) or (..., y, x), in any memory order.
    parameters : EncodeParameters
    coder : LossyCoder
    """
    planes = to_planes(array, parameters.channel_axis)
    box, margin_value = constant_box(planes)
    inside = np.ascontiguousarray(planes[..., : box[0], : box[1]])
    levels = levels_of(inside, parameters.value_range)
    mode, payload = _smallest(inside, levels, parameters, coder)
    is_lossy = mode is Mode.LOSSY
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    header = ChunkHeader(
        mode=mode,
        dtype=array.dtype,
        shape=array.shape,
        box=box,
        margin_value=margin_value,
        order="F" if is_fortran else "C",
        channel_axis=parameters.channel_axis,
        weights_id=coder.weights_id if is_lossy else NO_WEIGHTS,
        quality=parameters.quality if is_lossy else 0,
        low=levels.low if is_lossy else 0,
        level_shift=levels.shift if is_lossy else 0,
    )
    return pack_chunk(header, [payload])


def decode_chunk(chunk: Chunk, coder_of: Callable[[bytes], LossyCoder]) -> NDArray[Any]:
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
    header, (payload,) = chunk
    shape = _planes_shape(header)
    if header.mode is Mode.CONSTANT:
        planes = decode_constant(payload, shape, header.dtype)
    elif header.mode is Mode.STORED:
        planes = decode_stored(payload, shape, header.dtype)
    else:
        planes = _decode_lossy(payload, shape, header, coder_of(header.weights_id))
    return from_planes(planes, header)


def _smallest(
    planes: NDArray[Any], levels: Levels, parameters: EncodeParameters, coder: LossyCoder
) -> tuple[Mode, bytes]:
    """Mode and payload: without loss where that is no larger."""
    constant = constant_payload(planes)
    if constant is not None:
        return Mode.CONSTANT, constant
    n, _, height, width = planes.shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"a chunk of {n * height * width} pixels is larger than the {MAX_LOSSY_PIXELS} that "
            "can be coded: choose smaller chunks"
        )
    lossy = coder.encode(to_pixels(planes, levels, coder.pixel_fraction), parameters)
    stored = stored_payload(planes, most=len(lossy))
    return (Mode.LOSSY, lossy) if stored is None else (Mode.STORED, stored)


def _planes_shape(header: ChunkHeader) -> tuple[int, int, int, int]:
    """(n, C, height, width) of what the payload holds."""
    channels = header.shape[header.channel_axis] if header.channel_axis else 1
    images = math.prod(header.shape) // (channels * math.prod(header.plane))
    return (images, channels, *header.box)


def _decode_lossy(
    payload: bytes, shape: tuple[int, int, int, int], header: ChunkHeader, coder: LossyCoder
) -> NDArray[Any]:
    n, channels, height, width = shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise BitstreamError(
            f"chunk has {n * height * width} pixels; allowed are {MAX_LOSSY_PIXELS}"
        )
    fraction = coder.pixel_fraction
    if channels != coder.channels or (fraction == 0 and header.dtype != np.uint8):
        raise BitstreamError(
            f"chunk has {channels} channels of {header.dtype}; its weights code "
            f"{coder.channels} of {'8 or 16 bits' if fraction else 'uint8'}"
        )
    pixels = coder.decode(payload, (n, height, width), header.quality)
    levels = Levels(header.low, header.level_shift)
    return to_samples(pixels, levels, fraction, header.dtype.newbyteorder("="))
