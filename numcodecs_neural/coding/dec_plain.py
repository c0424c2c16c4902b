"""Modes ``constant`` and ``stored``: chunks that need no network (SPEC.md, section 4)."""

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import Chunk

__all__ = ["RAW_DEFLATE", "decode_constant", "decode_stored"]

RAW_DEFLATE = -15
"""zlib's number for a stream without header and checksum."""


def decode_constant(chunk: Chunk, _: object) -> NDArray[Any]:
    """Return planes (n, C, H, W) of one value per channel.

    Raises
    ------
    BitstreamError
        If the section does not hold one value per channel.
    """
    (payload,), shape = chunk.sections, chunk.header.planes_shape
    little = chunk.header.dtype.newbyteorder("<")
    expected = shape[1] * little.itemsize
    if len(payload) != expected:
        raise BitstreamError(f"constant chunk has {len(payload)} bytes of values; not {expected}")
    values = np.frombuffer(payload, little).astype(little.newbyteorder("="))
    return np.broadcast_to(values[:, None, None], shape)


def decode_stored(chunk: Chunk, _: object) -> NDArray[Any]:
    """Return planes (n, C, H, W).

    Raises
    ------
    BitstreamError
        If the section is no DEFLATE stream of exactly so many samples.
    """
    (payload,), shape, dtype = chunk.sections, chunk.header.planes_shape, chunk.header.dtype
    expected = math.prod(shape) * dtype.itemsize
    inflate = zlib.decompressobj(RAW_DEFLATE)
    try:
        samples = inflate.decompress(payload, expected + 1)
    except zlib.error as exc:
        raise BitstreamError(f"stored chunk cannot be inflated: {exc}") from exc
    if len(samples) != expected or not inflate.eof or inflate.unused_data:
        raise BitstreamError(f"stored chunk does not hold exactly {expected} bytes of samples")
    unsigned = np.frombuffer(samples, f"<u{dtype.itemsize}").reshape(shape)
    native = unsigned.astype(unsigned.dtype.newbyteorder("="))
    summed = np.cumsum(native, axis=-1, dtype=native.dtype)
    return summed.view(dtype.newbyteorder("="))
