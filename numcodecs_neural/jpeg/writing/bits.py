"""Bits to bytes of entropy-coded data, for kernels.

A position is three numbers: bytes written, the bits not written yet, and how many these are.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled

__all__ = ["SIZES", "finish", "put", "restart"]

SIZES = np.array([n.bit_length() for n in range(1 << 11)], np.int64)
"""How many bits follow the code of a number of this magnitude."""

_position = types.UniTuple(types.int64, 3)


@compiled(types.int64, types.uint8[::1], types.int64, types.int64)
def _put_byte(out: NDArray[np.uint8], used: Integer, value: Integer) -> Integer:
    out[used] = value
    if value == 0xFF:
        used += 1
        out[used] = 0
    return used + 1


@compiled(_position, types.uint8[::1], *[types.int64] * 5)
def put(
    out: NDArray[np.uint8],
    used: Integer,
    bits: Integer,
    count: Integer,
    value: Integer,
    length: Integer,
) -> tuple[Integer, Integer, Integer]:
    """Append at most 31 bits; return the position behind them."""
    bits = (bits << length) | value
    count += length
    if count >= 32:
        count -= 32
        whole = (bits >> count) & 0xFFFFFFFF
        # Whether a byte is 0xFF: adding 1 to each carries out of those only.
        if ((whole & 0x7F7F7F7F) + 0x01010101) & whole & 0x80808080:
            for shift in (24, 16, 8, 0):
                used = _put_byte(out, used, (whole >> shift) & 0xFF)
        else:
            out[used], out[used + 1] = whole >> 24, (whole >> 16) & 0xFF
            out[used + 2], out[used + 3] = (whole >> 8) & 0xFF, whole & 0xFF
            used += 4
    return used, bits, count


@compiled(_position, types.uint8[::1], *[types.int64] * 3)
def finish(
    out: NDArray[np.uint8], used: Integer, bits: Integer, count: Integer
) -> tuple[Integer, Integer, Integer]:
    """Write all bits at hand, filled up with ones to a byte."""
    fill = -count & 7
    bits = (bits << fill) | ((1 << fill) - 1)
    count += fill
    while count > 0:
        count -= 8
        used = _put_byte(out, used, (bits >> count) & 0xFF)
    return used, np.int64(0), np.int64(0)


@compiled(_position, types.uint8[::1], *[types.int64] * 4)
def restart(
    out: NDArray[np.uint8], used: Integer, bits: Integer, count: Integer, number: Integer
) -> tuple[Integer, Integer, Integer]:
    """Finish an interval, and write the restart marker behind interval `number`."""
    used, bits, count = finish(out, used, bits, count)
    out[used], out[used + 1] = 0xFF, 0xD0 + (number & 7)
    return used + 2, bits, count
