"""Bits and Huffman codes, for kernels.

A position is three numbers: the next word, the bits at hand, and how many of these are left (the
lowest ones). `fill` makes them at least 32: one code and the bits that follow it.

Import it only when a stream is read, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.huffman import LIMITS, LOOKUP_BITS, OFFSETS, SYMBOLS

__all__ = ["entry", "extended", "fill"]

_LOOKUP_MASK = (1 << LOOKUP_BITS) - 1


@compiled(
    types.UniTuple(types.int64, 3),
    readable(types.uint32),
    types.int64,
    types.int64,
    types.int64,
)
def fill(
    words: NDArray[np.uint32], word: Integer, bits: Integer, count: Integer
) -> tuple[Integer, Integer, Integer]:
    """Return a position with at least 32 bits at hand."""
    if count < 32:
        bits = (bits << 32) | np.int64(words[word])
        word += 1
        count += 32
    return word, bits, count


@compiled(types.int64, readable(types.int32), types.int64, types.int64)
def entry(table: NDArray[np.int32], bits: Integer, count: Integer) -> Integer:
    """Return ``length << 8 | symbol`` of the next code, or 0 if it is none of the table."""
    found = np.int64(table[(bits >> (count - LOOKUP_BITS)) & _LOOKUP_MASK])
    if found == 0:
        next_bits = (bits >> (count - 16)) & 0xFFFF
        for length in range(LOOKUP_BITS + 1, 17):
            if next_bits < table[LIMITS + length]:
                position = (next_bits >> (16 - length)) + table[OFFSETS + length]
                return (length << 8) | np.int64(table[SYMBOLS + position])
    return found


@compiled(types.int64, types.int64, types.int64, types.int64)
def extended(bits: Integer, count: Integer, size: Integer) -> Integer:
    """Return the number that the next `size` bits stand for: negative where the first is 0."""
    value = (bits >> (count - size)) & ((1 << size) - 1)
    return value - (((1 << size) - 1) if value < ((1 << size) >> 1) else 0)
