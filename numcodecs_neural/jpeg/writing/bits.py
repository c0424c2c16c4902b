"""Bits and Huffman codes to words, for kernels; `stuffing` makes bytes of these.

A position is three numbers: words written, the bits not written yet, and how many these are. From
one row of blocks to the next the latter two stay in a `state`.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable

__all__ = [
    "BITS",
    "CORRECTIONS",
    "COUNT",
    "EMPTY_BLOCKS",
    "INTERVALS",
    "MISSING",
    "SIZES",
    "STATE_SIZE",
    "finish",
    "put",
    "put_code",
    "put_number",
]

SIZES = np.array([n.bit_length() for n in range(1 << 11)], np.int64)
"""How many bits follow the code of a number of this magnitude."""

_SIZES = SIZES

BITS, COUNT, INTERVALS, MISSING, EMPTY_BLOCKS, CORRECTIONS = range(6)
"""Parts of a state: bits not written yet, how many, restart intervals that ended in this row,
whether a table had no code for a symbol, and of progressive AC the blocks of a run of empty ones,
and correction bits to go behind it."""

STATE_SIZE = 6

_position = types.UniTuple(types.int64, 3)


@compiled(_position, types.uint32[::1], *[types.int64] * 5)
def put(
    words: NDArray[np.uint32],
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
        words[used] = (bits >> count) & 0xFFFFFFFF
        used += 1
    return used, bits, count


@compiled(_position, types.uint32[::1], *[types.int64] * 6, types.int64[::1])
def put_code(
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    entry: Integer,
    extra: Integer,
    size: Integer,
    state: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Append a code, an entry of `HuffmanTable.encoding`, and the `size` bits of `extra`."""
    if entry == 0:
        state[MISSING] = 1
    return put(words, used, bits, count, (entry >> 8) << size | extra, (entry & 31) + size)


@compiled(
    _position,
    types.uint32[::1],
    *[types.int64] * 3,
    readable(types.int32),
    *[types.int64] * 2,
    types.int64[::1],
)
def put_number(
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    table: NDArray[np.int32],
    run: Integer,
    value: Integer,
    state: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Append a difference of DC, or a coefficient behind up to 15 zeros."""
    size = _SIZES[abs(value)]
    extra = (value - (value < 0)) & ((1 << size) - 1)
    entry = np.int64(table[run << 4 | size])
    return put_code(words, used, bits, count, entry, extra, size, state)


@compiled(_position, types.uint32[::1], *[types.int64] * 3, types.int64[::1], types.int64[::1])
def finish(
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    ends: NDArray[np.int64],
    state: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """End an interval: fill a byte up with ones, and begin a word anew.

    Where it ends, in bytes, goes into `ends`.
    """
    ends[state[INTERVALS]] = 4 * used + ((count + 7) >> 3)
    state[INTERVALS] += 1
    if count > 0:
        fill = 32 - count
        words[used] = ((bits << fill) | ((1 << fill) - 1)) & 0xFFFFFFFF
        used += 1
    return used, np.int64(0), np.int64(0)
