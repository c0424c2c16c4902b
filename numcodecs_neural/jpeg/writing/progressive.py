"""Entropy coding of progressive scans, with the choices that libjpeg makes.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.description import NATURAL_ORDER
from numcodecs_neural.jpeg.writing.bits import (
    BITS,
    CORRECTIONS,
    COUNT,
    EMPTY_BLOCKS,
    finish,
    put,
    put_code,
    put_number,
)

__all__ = ["CORRECTIONS_ROOM", "write_ac", "write_dc", "write_rest"]

CORRECTIONS_ROOM = 1000
"""Correction bits that libjpeg keeps until the run of empty blocks before them is written."""

_ORDER = NATURAL_ORDER
_LONGEST_RUN = 0x7FFF
_position = types.UniTuple(types.int64, 3)


@compiled(
    types.int64,
    readable(types.int16, 2),
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64,
    types.int64,
    types.int64[::1],
    types.int64[::1],
    types.uint32[::1],
    types.int64[::1],
    types.int64,
    types.int64,
)
def write_dc(
    coefficients: NDArray[np.int16],
    tables: NDArray[np.int32],
    parts: NDArray[np.int64],
    row: Integer,
    columns: Integer,
    interval: Integer,
    predictions: NDArray[np.int64],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    ends: NDArray[np.int64],
    low: Integer,
    refines: Integer,
) -> Integer:
    """Write bits of DC down to bit `low`, as `write_sequential` writes a row."""
    used, bits, count = np.int64(0), state[BITS], state[COUNT]
    for unit in range(row * columns, (row + 1) * columns):
        if interval > 0 and unit > 0 and unit % interval == 0:
            used, bits, count = finish(words, used, bits, count, ends, state)
            predictions[:] = 0
        for part in range(parts.shape[0]):
            down, across = parts[part, 2], parts[part, 3]
            for block in range(down * across):
                place = parts[part, 0] + unit % columns * across + block % across
                place += (row * down + block // across) * parts[part, 1]
                value = np.int64(coefficients[place, 0]) >> low
                if refines != 0:
                    used, bits, count = put(words, used, bits, count, value & 1, 1)
                    continue
                difference = value - predictions[part]
                predictions[part] = value
                used, bits, count = put_number(
                    words, used, bits, count, tables[2 * part], 0, difference, state
                )
    state[BITS], state[COUNT] = bits, count
    return used


@compiled(
    _position, types.uint32[::1], *[types.int64] * 3, readable(types.uint8), *[types.int64] * 2
)
def _put_corrections(
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    corrections: NDArray[np.uint8],
    begin: Integer,
    end: Integer,
) -> tuple[Integer, Integer, Integer]:
    for n in range(begin, end):
        used, bits, count = put(words, used, bits, count, np.int64(corrections[n]), 1)
    return used, bits, count


@compiled(
    _position,
    types.uint32[::1],
    *[types.int64] * 3,
    readable(types.int32),
    types.uint8[::1],
    types.int64[::1],
)
def _put_run(
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    table: NDArray[np.int32],
    corrections: NDArray[np.uint8],
    state: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Write the empty blocks counted so far, if there are any, and the corrections within them."""
    blocks = state[EMPTY_BLOCKS]
    if blocks > 0:
        size = 0
        while blocks >> (size + 1):
            size += 1
        extra = blocks & ((1 << size) - 1)
        entry = np.int64(table[size << 4])
        used, bits, count = put_code(words, used, bits, count, entry, extra, size, state)
        used, bits, count = _put_corrections(
            words, used, bits, count, corrections, 0, state[CORRECTIONS]
        )
        state[EMPTY_BLOCKS] = state[CORRECTIONS] = 0
    return used, bits, count


@compiled(
    _position,
    readable(types.int16),
    readable(types.int32),
    *[types.int64] * 3,
    types.uint8[::1],
    types.int64[::1],
    types.uint32[::1],
    *[types.int64] * 3,
)
def _first_bits(
    block: NDArray[np.int16],
    table: NDArray[np.int32],
    first: Integer,
    last: Integer,
    low: Integer,
    corrections: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
) -> tuple[Integer, Integer, Integer]:
    run = 0
    for k in range(first, last + 1):
        value = np.int64(block[_ORDER[k]])
        magnitude = abs(value) >> low
        if magnitude == 0:
            run += 1
            continue
        used, bits, count = _put_run(words, used, bits, count, table, corrections, state)
        while run > 15:
            entry = np.int64(table[0xF0])
            used, bits, count = put_code(words, used, bits, count, entry, 0, 0, state)
            run -= 16
        number = magnitude if value > 0 else -magnitude
        used, bits, count = put_number(words, used, bits, count, table, run, number, state)
        run = 0
    if run > 0:
        state[EMPTY_BLOCKS] += 1
        if state[EMPTY_BLOCKS] == _LONGEST_RUN:
            used, bits, count = _put_run(words, used, bits, count, table, corrections, state)
    return used, bits, count


@compiled(
    _position,
    readable(types.int16),
    readable(types.int32),
    *[types.int64] * 3,
    types.uint8[::1],
    types.int64[::1],
    types.uint32[::1],
    *[types.int64] * 3,
)
def _next_bit(
    block: NDArray[np.int16],
    table: NDArray[np.int32],
    first: Integer,
    last: Integer,
    low: Integer,
    corrections: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
) -> tuple[Integer, Integer, Integer]:
    newest = 0  # the last coefficient whose first bit is this one
    for k in range(first, last + 1):
        if abs(np.int64(block[_ORDER[k]])) >> low == 1:
            newest = k
    run = 0
    # Corrections of this block go behind those of blocks before.
    begin = end = state[CORRECTIONS]
    for k in range(first, last + 1):
        value = np.int64(block[_ORDER[k]])
        magnitude = abs(value) >> low
        if magnitude == 0:
            run += 1
            continue
        while run > 15 and k <= newest:
            used, bits, count = _put_run(words, used, bits, count, table, corrections, state)
            entry = np.int64(table[0xF0])
            used, bits, count = put_code(words, used, bits, count, entry, 0, 0, state)
            used, bits, count = _put_corrections(words, used, bits, count, corrections, begin, end)
            run -= 16
            begin = end = 0
        if magnitude > 1:
            corrections[end] = magnitude & 1
            end += 1
            continue
        used, bits, count = _put_run(words, used, bits, count, table, corrections, state)
        entry = np.int64(table[run << 4 | 1])
        used, bits, count = put_code(words, used, bits, count, entry, int(value > 0), 1, state)
        used, bits, count = _put_corrections(words, used, bits, count, corrections, begin, end)
        run = begin = end = 0
    if run > 0 or end > begin:
        state[EMPTY_BLOCKS] += 1
        state[CORRECTIONS] = end
        if state[EMPTY_BLOCKS] == _LONGEST_RUN or end > CORRECTIONS_ROOM - 63:
            used, bits, count = _put_run(words, used, bits, count, table, corrections, state)
    return used, bits, count


@compiled(
    types.int64,
    readable(types.int16, 2),
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64,
    types.int64,
    types.uint8[::1],
    types.int64[::1],
    types.uint32[::1],
    types.int64[::1],
    types.int64,
    types.int64,
    types.int64,
    types.int64,
)
def write_ac(
    coefficients: NDArray[np.int16],
    tables: NDArray[np.int32],
    parts: NDArray[np.int64],
    row: Integer,
    columns: Integer,
    interval: Integer,
    corrections: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    ends: NDArray[np.int64],
    first: Integer,
    last: Integer,
    low: Integer,
    refines: Integer,
) -> Integer:
    """Write bits of coefficients `first` to `last`, as `write_dc` does; one component a scan.

    `corrections` has room for `CORRECTIONS_ROOM` and goes on from row to row.
    """
    used, bits, count = np.int64(0), state[BITS], state[COUNT]
    for unit in range(row * columns, (row + 1) * columns):
        if interval > 0 and unit > 0 and unit % interval == 0:
            used, bits, count = _put_run(words, used, bits, count, tables[1], corrections, state)
            used, bits, count = finish(words, used, bits, count, ends, state)
        block = coefficients[parts[0, 0] + row * parts[0, 1] + unit % columns]
        if refines != 0:
            used, bits, count = _next_bit(
                block, tables[1], first, last, low, corrections, state, words, used, bits, count
            )
        else:
            used, bits, count = _first_bits(
                block, tables[1], first, last, low, corrections, state, words, used, bits, count
            )
    state[BITS], state[COUNT] = bits, count
    return used


@compiled(
    types.void,
    readable(types.int32, 2),
    types.uint8[::1],
    types.int64[::1],
    types.uint32[::1],
    types.int64[::1],
)
def write_rest(
    tables: NDArray[np.int32],
    corrections: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    ends: NDArray[np.int64],
) -> None:
    """Write what the last row, of any kind of scan, has left."""
    used, bits, count = _put_run(
        words, np.int64(0), state[BITS], state[COUNT], tables[1], corrections, state
    )
    finish(words, used, bits, count, ends, state)
