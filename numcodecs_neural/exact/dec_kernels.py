"""The decoder of planes: words and bits to samples (SPEC.md, section 10)."""

import numpy as np

from numcodecs_neural.compilation import Integer, compiled, inlined, readable
from numcodecs_neural.exact.dec_gaps import ROW, STARTS, weigh
from numcodecs_neural.exact.diagonals import (
    NUMBER,
    NUMBERS,
    PLACES,
    PLANE,
    RAW,
    READ,
    SCRATCH,
    SHORTS,
    TABLE,
    continue_diagonal,
    finish,
    first_of_diagonal,
    last_of_diagonal,
    place,
)
from numcodecs_neural.exact.layout import FIRST_ROW, MARGIN
from numcodecs_neural.exact.prediction import predict
from numcodecs_neural.exact.symbols import ENTRIES, EXTRA_BITS, LOWEST
from numcodecs_neural.vectors import LANES, not_above, types

__all__ = [
    "BAD_ESCAPE",
    "BIT",
    "BITS_LEFT",
    "COUNT",
    "LOWEST_STATE",
    "STATE",
    "STATUS",
    "STREAMS",
    "TRUNCATED",
    "WORD",
    "WORDS_LEFT",
    "decode_plane",
]

STREAMS = 8
"""States of the entropy coder."""

COUNT, WORD, BIT, STATUS, WORDS_LEFT, BITS_LEFT = range(6)
DONE, TRUNCATED, BAD_ESCAPE = 0, 1, 2
LOWEST_STATE = 1 << 16

_I, _U = np.int64, np.uint64  # names: `planes.runnable` puts others in their place
_LONGEST_ESCAPE = 17
_LOWEST, _EXTRA = LOWEST.copy(), EXTRA_BITS.copy()

_HEIGHT, _WIDTH, _COLUMNS, _BASE = (PLANE[name] for name in ("height", "width", "columns", "base"))

_INT = types.int64
_TABLES, _CODE, _BITS = readable(types.int16), readable(types.uint16), readable(types.uint32)
STATE = types.Array(types.int64, 1, "C")


@inlined(_INT, _INT, _BITS, STATE)
def next_bits(count: Integer, bits: Integer, at: Integer) -> Integer:
    """Take up to 31 plain bits, the lowest first."""
    spot = _I(at[BIT])
    word = spot >> 5
    both = _I(bits[word]) | (_I(bits[word + 1]) << 32)
    at[BIT] = min(spot + count, at[BITS_LEFT] + 1)
    return (both >> (spot & 31)) & ((1 << count) - 1)


@inlined(_INT, _BITS, STATE)
def next_escape(bits: Integer, at: Integer) -> Integer:
    """Take a number in Exp-Golomb code: zeros, a one, and as many bits as there were zeros."""
    zeros = 0
    while next_bits(1, bits, at) == 0:
        zeros += 1
        if zeros > _LONGEST_ESCAPE:
            at[STATUS] = BAD_ESCAPE
            return 0
    return (1 << zeros) - 1 + next_bits(zeros, bits, at)


@inlined(types.void, _INT, _TABLES, _CODE, _BITS, STATE, STATE, NUMBERS)
def next_numbers(
    count: Integer,
    tables: Integer,
    words: Integer,
    bits: Integer,
    lanes: Integer,
    at: Integer,
    scratch: Integer,
) -> None:
    """Take the next numbers, up to 16, off their lanes, with their plain bits.

    Without branches where chance rules: a third of the time of decoding is spent in this loop.
    """
    done, word, bit, most = _I(at[COUNT]), _I(at[WORD]), _I(at[BIT]), _I(at[BITS_LEFT]) + 1
    for i in range(count):
        lane, row = _U((done + i) & (STREAMS - 1)), _I(scratch[_U(LANES * TABLE + i)]) * ROW
        raw = _I(scratch[_U(LANES * RAW + i)])
        state = _I(lanes[lane])
        slot = state & 16383
        entry = 4 * not_above(tables, row, slot)
        row += STARTS + entry
        ahead = (
            _I(tables[_U(row + 1)] <= slot)
            + _I(tables[_U(row + 2)] <= slot)
            + _I(tables[_U(row + 3)] <= slot)
        )
        entry, row = entry + ahead, row + ahead
        start = _I(tables[_U(row)])
        state = (_I(tables[_U(row + 1)]) - start) * (state >> 14) + slot - start
        is_low = _I(state < 65536)
        lanes[lane] = (state << (16 * is_low)) | (_I(words[_U(word)]) & -is_low)
        word += is_low
        number, extra = _I(_LOWEST[_U(entry)]), raw + _I(_EXTRA[_U(entry)])
        if entry == 0 or entry == ENTRIES - 1:
            at[BIT] = bit
            escape = next_escape(bits, at)
            if escape >> (_LONGEST_ESCAPE - raw):
                at[STATUS], escape = BAD_ESCAPE, 0
            number += escape if entry else -escape
            bit = _I(at[BIT])
        spot = bit >> 5
        both = _I(bits[_U(spot)]) | (_I(bits[_U(spot + 1)]) << 32)
        number = (number << raw) + ((both >> (bit & 31)) & ((1 << extra) - 1))
        bit = min(bit + extra, most)
        scratch[_U(LANES * NUMBER + i)] = number
    at[COUNT], at[WORD], at[BIT] = done + count, word, bit


@compiled(
    types.void, PLACES, SHORTS, SHORTS, PLACES, readable(types.int32), readable(types.int32),
    SHORTS, READ, _CODE, _BITS, STATE, STATE,
)  # fmt: skip
def decode_plane(
    plane: Integer,
    values: Integer,
    errors: Integer,
    offsets: Integer,
    terms: Integer,
    weights: Integer,
    tables: Integer,
    gaps: Integer,
    words: Integer,
    bits: Integer,
    lanes: Integer,
    at: Integer,
) -> None:
    """Decode a plane into ``values`` and ``errors``, or stop with a status.

    Where there are no ``gaps``, ``tables`` are only read.
    """
    scratch = np.zeros(LANES * SCRATCH, np.int32)
    height, width, columns = plane[_HEIGHT], plane[_WIDTH], plane[_COLUMNS]
    for diagonal in range(width + 2 * (height - 1)):
        low, high = first_of_diagonal(plane, diagonal), last_of_diagonal(plane, diagonal)
        for y0 in range(low, high + 1, LANES):
            here = plane[_BASE] + (FIRST_ROW + diagonal) * columns + MARGIN + y0
            predict(here, plane, values, errors, offsets, terms, weights, scratch)
            count = min(LANES, high + 1 - y0)
            if gaps.size:
                weigh(count, here, values, offsets, gaps, tables, scratch)
            next_numbers(count, tables, words, bits, lanes, at, scratch)
            place(here, 1, plane, scratch, values, errors)
        continue_diagonal(diagonal, plane, values, errors)
        if at[WORD] > at[WORDS_LEFT]:
            at[STATUS] = TRUNCATED
        if at[STATUS] != DONE:
            return
    finish(plane, values, errors)
