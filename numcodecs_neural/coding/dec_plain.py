"""Modes ``constant`` and ``stored``: chunks that need no network (SPEC.md, section 4)."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError

__all__ = ["constant_payload", "decode_constant", "decode_stored", "stored_payload"]

_RAW_DEFLATE = -15
_LEVEL = 1  # this mode is for what compresses trivially; deeper search is not worth its time
_PIECE_BYTES = 1 << 15


def constant_payload(planes: NDArray[Any]) -> bytes | None:
    """Return one value per channel, or None if a channel of (n, C, H, W) is not constant."""
    first = planes[:1, :, :1, :1]
    if bool((planes != first).any()):
        return None
    return bytes(first.ravel().astype(first.dtype.newbyteorder("<")).tobytes())


def decode_constant(
    payload: bytes, shape: tuple[int, int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return planes (n, C, H, W) of the values in `payload`.

    Raises
    ------
    BitstreamError
        If `payload` does not hold one value per channel.
    """
    expected = shape[1] * dtype.itemsize
    if len(payload) != expected:
        raise BitstreamError(f"constant chunk has {len(payload)} bytes of values; not {expected}")
    values = np.frombuffer(payload, dtype.newbyteorder("<")).astype(dtype.newbyteorder("="))
    return np.broadcast_to(values[:, None, None], shape)


def stored_payload(planes: NDArray[Any], most: int) -> bytes | None:
    """Return (n, C, H, W), differenced along x modulo its range, as raw DEFLATE.

    None where that takes more than `most` bytes: the attempt ends as soon as this is certain, which
    on natural images is soon.
    """
    unsigned = planes.view(f"u{planes.dtype.itemsize}")
    differences = unsigned.copy()
    differences[..., 1:] -= unsigned[..., :-1]
    samples = differences.astype(differences.dtype.newbyteorder("<"), copy=False).tobytes()
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    payload = bytearray()
    for start in range(0, len(samples), _PIECE_BYTES):
        payload += deflate.compress(samples[start : start + _PIECE_BYTES])
        if len(payload) > most:
            return None
    payload += deflate.flush()
    return bytes(payload) if len(payload) <= most else None


def decode_stored(
    payload: bytes, shape: tuple[int, int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return planes (n, C, H, W).

    Raises
    ------
    BitstreamError
        If `payload` is no DEFLATE stream of exactly so many samples.
    """
    expected = int(np.prod(shape)) * dtype.itemsize
    inflate = zlib.decompressobj(_RAW_DEFLATE)
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
