"""The encoder of planes: samples to entries and plain bits, and these to words."""

import numpy as np

from numcodecs_neural.compilation import Integer, compiled, inlined, readable
from numcodecs_neural.exact.dec_kernels import BIT, COUNT, STATE, STREAMS
from numcodecs_neural.exact.diagonals import (
    FLIP,
    MEAN,
    NUMBER,
    PLACES,
    PLANE,
    RAW,
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
from numcodecs_neural.exact.symbols import (
    ENTRIES,
    ESCAPE,
    EXTRA_BITS,
    LOWEST,
    entries_by_number,
)
from numcodecs_neural.vectors import LANES, types

__all__ = ["add_products", "encode_plane", "encode_words"]

_I, _W = np.int64, np.uint32  # names: `planes.runnable` puts others in their place
_SHARE = 1 << 11
_ENTRY = entries_by_number()
_LOWEST, _EXTRA = LOWEST.copy(), EXTRA_BITS.copy()

_HEIGHT, _WIDTH, _COLUMNS, _BASE, _ERROR = (
    PLANE[name] for name in ("height", "width", "columns", "base", "error")
)

_INT = types.int64
_BITS = types.Array(types.uint32, 1, "C")


@inlined(types.void, _INT, _INT, _BITS, STATE)
def put_bits(count: Integer, value: Integer, bits: Integer, at: Integer) -> None:
    """Append up to 31 plain bits, the lowest first."""
    spot = _I(at[BIT])
    word, both = spot >> 5, value << (spot & 31)
    bits[word] |= np.uint32(both & 0xFFFFFFFF)
    bits[word + 1] |= np.uint32((both >> 32) & 0xFFFFFFFF)
    at[BIT] = spot + count


@inlined(types.void, _INT, _BITS, STATE)
def put_escape(value: Integer, bits: Integer, at: Integer) -> None:
    """Append a number in Exp-Golomb code."""
    zeros = 0
    while (value + 1) >> (zeros + 1):
        zeros += 1
    put_bits(zeros, 0, bits, at)
    put_bits(1, 1, bits, at)
    put_bits(zeros, value + 1 - (1 << zeros), bits, at)


@compiled(
    types.void, PLACES, SHORTS, SHORTS, PLACES, readable(types.int32), readable(types.int32),
    readable(types.int32, 2), types.Array(types.uint16, 1, "C"), _BITS, STATE,
)  # fmt: skip
def encode_plane(
    plane: Integer,
    values: Integer,
    errors: Integer,
    offsets: Integer,
    terms: Integer,
    weights: Integer,
    samples: Integer,
    entries: Integer,
    bits: Integer,
    at: Integer,
) -> None:
    """Append the entries of a plane, counted over all tables of a set; and its plain bits."""
    scratch = np.zeros(LANES * SCRATCH, np.int32)
    height, width, columns = plane[_HEIGHT], plane[_WIDTH], plane[_COLUMNS]
    error = _I(plane[_ERROR])
    step = 2 * error + 1
    for diagonal in range(width + 2 * (height - 1)):
        low, high = first_of_diagonal(plane, diagonal), last_of_diagonal(plane, diagonal)
        for y0 in range(low, high + 1, LANES):
            here = plane[_BASE] + (FIRST_ROW + diagonal) * columns + MARGIN + y0
            predict(here, plane, values, errors, offsets, terms, weights, scratch)
            for i in range(min(LANES, high + 1 - y0)):
                y = y0 + i
                missed = _I(samples[y, diagonal - 2 * y]) - _I(scratch[LANES * MEAN + i])
                number = missed
                if error:
                    number = (abs(missed) + error) // step
                    number = -number if missed < 0 else number
                scratch[LANES * NUMBER + i] = number
                raw, flip = _I(scratch[LANES * RAW + i]), _I(scratch[LANES * FLIP + i])
                number = ((number ^ flip) - flip) + ((1 << raw) >> 1)
                whole = number >> raw
                if -ESCAPE <= whole < ESCAPE:
                    entry = _I(_ENTRY[whole + ESCAPE])
                    extra = raw + _I(_EXTRA[entry])
                    put_bits(extra, number - (_I(_LOWEST[entry]) << raw), bits, at)
                else:
                    entry = _I(0 if whole < 0 else ENTRIES - 1)
                    put_escape(-1 - ESCAPE - whole if whole < 0 else whole - ESCAPE, bits, at)
                    put_bits(raw, number - (whole << raw), bits, at)
                entries[at[COUNT]] = _I(scratch[LANES * TABLE + i]) * ENTRIES + entry
                at[COUNT] += 1
            place(here, 0, plane, scratch, values, errors)
        continue_diagonal(diagonal, plane, values, errors)
    finish(plane, values, errors)


@compiled(_INT, readable(types.uint32), types.Array(types.uint16, 1, "C"), STATE)
def encode_words(codes: Integer, words: Integer, lanes: Integer) -> Integer:
    """Fill `words` from its end, set the states, and return where the words begin."""
    begin = words.size
    for lane in range(STREAMS):
        lanes[lane] = 65536
    for i in range(codes.size - 1, -1, -1):
        start, frequency = _W(codes[i]) & _W(0xFFFF), _W(codes[i]) >> _W(16)
        state = _W(lanes[i & (STREAMS - 1)])
        if state >> _W(18) >= frequency:
            begin -= 1
            words[begin] = state & _W(0xFFFF)
            state = state >> _W(16)
        quotient = state // frequency
        lanes[i & (STREAMS - 1)] = _I(
            (quotient << _W(14)) + (start + (state - quotient * frequency))
        )
    return begin


@compiled(types.void, readable(types.int16, 2), types.Array(types.int64, 2, "C"))
def add_products(rows: Integer, products: Integer) -> None:
    """Add up the products of each row with itself and those behind it.

    Numbers have magnitudes below 2**10: sums of `_SHARE` products fit 32 bits.
    """
    for start in range(0, rows.shape[1], _SHARE):
        for i in range(rows.shape[0]):
            for j in range(i, rows.shape[0]):
                one, other = rows[i][start : start + _SHARE], rows[j][start : start + _SHARE]
                total = np.int32(0)
                for n in range(one.size):
                    total += np.int32(np.int32(one[n]) * np.int32(other[n]))
                products[i, j] += np.int64(total)
